//go:build !race

package lockpath

const raceDetector = false
