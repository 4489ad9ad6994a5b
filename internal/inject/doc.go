// Package inject decides which calls get a fault, for the tests of those who call: a
// rule says which calls are meant, when it acts on one, and what it does. It
// carries nothing out: the door of package server does, in one place, and those who
// send pushes.
//
//	rule.go    Rule: its form, as JSON has it
//	action.go  Do: what a rule does, and to which interfaces it can
//	check.go   what is wrong with a rule, and why one can never act
//	rules.go   Rules: in their order, the first that acts on a call
package inject
