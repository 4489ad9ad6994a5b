package journal

import "strings"

// secretNames are the kinds of secrets by what the wire calls them, in lower case:
// parameters, members of JSON, elements of XML.
var secretNames = map[string]string{
	"access_token":             "token",
	"component_access_token":   "token",
	"authorizer_access_token":  "token",
	"cloudbase_access_token":   "token",
	"token":                    "token",
	"authorizer_refresh_token": "refresh",
	"refresh_token":            "refresh",
	"component_appsecret":      "secret",
	"component_secret":         "secret",
	"appsecret":                "secret",
	"secret":                   "secret",
	"component_verify_ticket":  "ticket",
	"componentverifyticket":    "ticket",
	"ticket":                   "ticket",
	"authorization_code":       "code",
	"authorizationcode":        "code",
	"auth_code":                "code",
	"pre_auth_code":            "code",
	"preauthcode":              "code",
	"consent_code":             "code",
	"codesecret":               "key",
	"password":                 "password",
	"headers":                  "headers", // of getuploadsignature: a signature and its token
	"signature":                "signature",
	"x-amz-signature":          "signature",
	"x-amz-credential":         "credential",
	"x-amz-security-token":     "token",
}

// secretHeaders are the kinds of secrets by the headers that hold them, in lower
// case.
var secretHeaders = map[string]string{
	"authorization":       "authorization",
	"proxy-authorization": "authorization",
	"x-tc-token":          "token",
	"cookie":              "cookie",
	"set-cookie":          "cookie",
}

// maxName is the longest name of a secret.
const maxName = 32

// kindOf returns the kind of secret that a name is of, "" if it is of none.
func kindOf(name string) string {
	if len(name) > maxName {
		return ""
	}
	return secretNames[strings.ToLower(name)]
}
