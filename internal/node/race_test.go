//go:build race

package node_test

// raceStack is how much more of a stack a goroutine may hold under the race detector,
// whose frames are larger: a stack doubles when it no longer suffices.
const raceStack = 8 << 10
