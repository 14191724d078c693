package explore

import (
	"slices"
	"unsafe"
)

// making is what the executor itself is told while a world is made.
type making struct {
	key   any
	lives []lifetime
}

// lifetime is the beginning of an object's life, or, with size 0, its end.
type lifetime struct {
	base unsafe.Pointer
	size uintptr
}

// lived passes on a birth or a death, which belongs to the making of the world before the first step.
func (x *executor) lived(base unsafe.Pointer, size uintptr) {
	if !x.running {
		x.lives = append(x.lives, lifetime{base, size})
	}
	if x.tracker != nil {
		x.tracker.lived(&x.state, x.current(), base, size)
	}
}

// Remember implements [Recaller].
func (x *executor) Remember(key any) {
	x.made = making{key, slices.Clone(x.lives)}
	if w, ok := x.watcher.(Recaller); ok {
		w.Remember(key)
	}
}

// Knows implements [Recaller].
func (x *executor) Knows(key any) bool {
	if x.made.key != key {
		return false
	}
	if w, ok := x.watcher.(Recaller); ok {
		return w.Knows(key)
	}
	return x.watcher == nil
}

// Recall implements [Recaller].
func (x *executor) Recall(key any) {
	for _, l := range x.made.lives {
		x.lived(l.base, l.size)
	}
	if w, ok := x.watcher.(Recaller); ok {
		w.Recall(key)
	}
}
