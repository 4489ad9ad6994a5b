// Package invoke has functions run by a runtime, which is whatever answers
// POST RUNTIME/invoke/ENV/NAME (IV-5). It decides nothing: who may have what run was
// decided before.
//
//	invoke.go   Invoker: the way to a runtime and back
//	answer.go   what an answer says: a result, or how the function ended
//	slots.go    how many functions of one environment run at once
package invoke
