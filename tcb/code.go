package tcb

import (
	"errors"
	"strconv"
	"strings"
)

// Code is an errcode as the platform answers it; 0 is success.
type Code int

// The codes that the interfaces of this package answer.
const (
	OK                  Code = 0       // the call succeeded
	SystemBusy          Code = -1      // a fault of the server; trying again may help
	SystemError         Code = -1000   // a fault of the server; trying again does not help
	InvalidCredential   Code = 40001   // in place of 40014, for a token that is not genuine or not the latest
	InvalidAppID        Code = 40013   // no such platform, or not the caller's
	InvalidToken        Code = 40014   // the access token is invalid, or was superseded
	InvalidURL          Code = 40066   // the path names no interface
	InvalidArgs         Code = 40097   // a member has a value that cannot be
	CountLimit          Code = 40170   // a count is over what the interface answers at most
	MissingParameter    Code = 40101   // a required member is absent
	InvalidAppSecret    Code = 40125   // the component_appsecret is invalid
	MissingToken        Code = 41001   // no access token in the query
	TokenExpired        Code = 42001   // the access token outlived its time
	RequirePost         Code = 43002   // another method than POST
	EmptyBody           Code = 44002   // no body
	DailyQuota          Code = 45009   // the daily quota is used up
	MinuteQuota         Code = 45011   // the minute's quota is used up
	MalformedBody       Code = 47001   // the body is not a JSON object
	Unauthorized        Code = 48001   // the token is of the wrong kind for the interface
	ClearsUsedUp        Code = 48006   // the quotas were cleared too often this month
	NotAuthorized       Code = 61003   // the Mini Program does not authorize the platform
	UnregisteredAddress Code = 61004   // the caller's address is not on the platform's list
	TicketExpired       Code = 61005   // the verify ticket is over 12 hours old
	TicketInvalid       Code = 61006   // the verify ticket is invalid
	MissingPermission   Code = 61007   // no permission set that the interface needs
	AuthCodeInvalid     Code = 61009   // the authorization code is unknown or used
	AuthCodeExpired     Code = 61010   // the authorization code outlived its time
	InvalidComponent    Code = 61011   // the platform is disabled
	RefreshTokenInvalid Code = 61023   // the refresh token is invalid or revoked
	RIDNotFound         Code = 76001   // no failed call of that rid is kept
	RIDMalformed        Code = 76002   // the text is no rid
	RIDForeign          Code = 76003   // the rid is of another's call
	PathNotFound        Code = 76021   // the cgi_path names no interface
	NoCloudPrivilege    Code = 85088   // cloud development is not opened for the Mini Program
	ConfigNotFound      Code = 85089   // the function was never given such a configuration
	CloudTokenClosed    Code = 85105   // the account's cloudbase_access_token switch is off
	NotInWhitelist      Code = 85107   // the path is not on the environment's whitelist
	ResourceNotFound    Code = -501000 // no such environment or function
	ResourceTimeout     Code = -501002 // a function has not answered within the time of a call
	TooManyAtOnce       Code = -501004 // too many functions of the environment run at once
	NotCodeOwner        Code = -501019 // the function's code is not the caller's
	FunctionUnreachable Code = -504001 // no runtime, or none that answers
	FunctionFailed      Code = -504002 // the function threw, could not be loaded, or ended
	FunctionTimeout     Code = -504003 // the function took longer than it may
	ResultTooLarge      Code = -604001 // the function's result is over 1 MiB
)

// texts is the platform's text of each code, as it stands before any detail.
var texts = map[Code]string{
	OK:                  "ok",
	SystemBusy:          "system error",
	SystemError:         "system error",
	InvalidCredential:   "invalid credential, access_token is invalid or not latest",
	InvalidAppID:        "invalid appid",
	InvalidToken:        "invalid access_token",
	InvalidURL:          "invalid url",
	InvalidArgs:         "invalid args",
	MissingParameter:    "missing parameter",
	CountLimit:          "args count exceed count limit",
	InvalidAppSecret:    "invalid appsecret",
	MissingToken:        "access_token missing",
	TokenExpired:        "access_token expired",
	RequirePost:         "require POST method",
	EmptyBody:           "empty post data",
	DailyQuota:          "reach max api daily quota limit",
	MinuteQuota:         "api minute-quota reach limit  mustslower  retry next minute",
	MalformedBody:       "data format error",
	Unauthorized:        "api unauthorized",
	ClearsUsedUp:        "forbid to clear quota because of reaching the limit",
	NotAuthorized:       "component is not authorized by this account",
	UnregisteredAddress: "access clientip is not registered",
	TicketExpired:       "component ticket is expired",
	TicketInvalid:       "component ticket is invalid",
	MissingPermission:   "api is unauthorized to component",
	AuthCodeInvalid:     "code is invalid",
	AuthCodeExpired:     "code is expired",
	InvalidComponent:    "invalid component",
	RefreshTokenInvalid: "refresh_token is invalid",
	RIDNotFound:         "rid not found",
	RIDMalformed:        "rid is error",
	RIDForeign:          "could not query this rid, no permission",
	PathNotFound:        "cgi_path not found",
	NoCloudPrivilege:    "no qbase privilege",
	ConfigNotFound:      "config not found",
	CloudTokenClosed:    "cloudbase_access_token is closed",
	NotInWhitelist:      "url is not in whitelist",
	ResourceNotFound:    "resource not found",
	ResourceTimeout:     "resource server timeout",
	TooManyAtOnce:       "exceed concurrent request limit",
	NotCodeOwner:        "unauthorized operation",
	FunctionUnreachable: "functions request fail",
	FunctionFailed:      "functions execute fail",
	FunctionTimeout:     "Invoking task timed out after N seconds",
	ResultTooLarge:      "cloudfunction result size exceed limit(1MB)",
}

// Text returns the platform's text of the code, or "" for a code that this
// package does not know.
func (c Code) Text() string { return texts[c] }

// UnmarshalJSON reads a code that is a number, or a string that holds one: some
// gateways in front of the platform write it as a string.
func (c *Code) UnmarshalJSON(b []byte) error {
	n, err := strconv.Atoi(strings.Trim(string(b), `"`))
	if err != nil {
		return errors.New("tcb: an errcode is a number")
	}
	*c = Code(n)
	return nil
}

// String returns the code in decimal digits, as it stands on the wire.
func (c Code) String() string { return strconv.Itoa(int(c)) }
