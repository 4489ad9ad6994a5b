// Package whitelist holds the rules of api_whitelist: the list of open
// interfaces that code in an environment may call with a
// cloudbase_access_token. It does no I/O and keeps no state.
//
//	entry.go     which entries can be on a list; Normalize
//	list.go      List, made ready for judging
//	path.go      Judge: whether a list admits the path of a call; Path
//	plain.go     the plain form, which entries and calls share
//	nearest.go   the entry that a refused path was probably meant for
//	suggest.go   the smallest list that admits given paths
package whitelist
