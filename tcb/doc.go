// Package tcb calls the cloud-development interfaces that WeChat offers to
// third-party platforms, and says what they are on the wire: the error codes,
// and one pair of request and answer types per interface.
//
// A [Client] has a method for each interface. Its access token comes from a
// [TokenSource]: [Tokens] renews itself, for a platform ([ComponentTokens]) or a
// Mini Program that authorizes it ([AuthorizerTokens]). UploadFunction and
// DownloadFunction make the whole way of a function's code. A refusal is an
// [Error], an upload's a [CodeError], and what is no answer of the platform's an
// [AnswerError].
//
// A type of the wire is named after the last segment of the interface's path:
// POST /tcb/usecloudaccesstoken is UseCloudAccessTokenRequest and
// UseCloudAccessTokenResponse. A member that has to be told apart from its
// zero value is a pointer.
//
// Nothing outside the standard library and this module is imported.
package tcb
