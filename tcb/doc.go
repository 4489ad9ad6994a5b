// Package tcb is the wire contract of the cloud-development interfaces that
// WeChat offers to third-party platforms, and of the server's own: the error
// codes, and one pair of request and answer types per interface.
//
// A type is named after the last segment of the interface's path:
// POST /tcb/usecloudaccesstoken is UseCloudAccessTokenRequest and
// UseCloudAccessTokenResponse. A member that has to be told apart from its
// zero value is a pointer.
//
// The package imports the standard library alone.
package tcb
