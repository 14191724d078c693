//go:build race

package lockpath

// raceDetector looks at memory before the program does, and cannot take the signal: nothing can be performed with it.
const raceDetector = true
