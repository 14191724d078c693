package task

import "unsafe"

// Observed and Unobserved say by a type whether the task that a function runs has an observer. The compiler makes two functions of one that takes
// [Seen] as a parameter: in that for Unobserved nothing asks for an observer. So what is explored and what runs at full speed are one text, and its
// caller asks once, for all accesses in it.
type Observed struct{ _ byte }

// Unobserved is the other one.
type Unobserved struct{}

// Seen is either of them. They differ in size, because the compiler knows of a type parameter no more than how a value of it lies in memory.
type Seen interface{ Observed | Unobserved }

var _ = [1]struct{}{}[unsafe.Sizeof(Unobserved{})]
