// Package silenceper tests the opentcb server with the client library
// github.com/silenceper/wechat/v2. The library knows the credential calls;
// it has no typed call for /tcb/*, so those go through its util.PostJSON.
package silenceper
