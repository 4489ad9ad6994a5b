//go:build !race

package node_test

const raceStack = 0
