// Package intercept lets clients whose host is fixed in their code reach this server
// instead of the real platform: an HTTP proxy that answers for the platform's hosts,
// with certificates of an authority that can vouch for nothing else.
//
//	authority.go  the authority: its files, and certificates on demand
//	proxy.go      the proxy: whom it serves, lets through by a tunnel, and refuses
//	trust.go      what makes programs use it: variables of a shell, and the files that these name
package intercept

// Hosts are those of the real platform, which the proxy answers for.
var Hosts = []string{"api.weixin.qq.com", "mp.weixin.qq.com", "open.weixin.qq.com", "scf.tencentcloudapi.com"}
