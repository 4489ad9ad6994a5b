// Package world reads a world file: the YAML that says which platforms, Mini
// Programs, environments, authorizations and functions a server has. It checks
// everything that can be seen in the file by itself and reports every fault at
// once with its line. Whether what the file refers to exists in a server is for
// cloud's rules, which is why every item keeps its line.
//
// A map of the package:
//
//	world.go   Parse: from the members of the file to a cloud.World
//	member.go  members that are as they are, or away; quotas and addresses of a platform,
//	           and how a function is configured
//	write.go   Writer: a world as a file
//	check.go   what a value may be, and items that contradict each other
package world
