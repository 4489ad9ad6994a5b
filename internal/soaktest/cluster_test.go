//go:build linux

package soaktest

// Being written: TestClusterKills (clusterkills_test.go), TestPrimaryLost
// (primary_test.go), TestClocksApart (clocks_test.go, main_test.go).
