package cloud

// Caller is who asks. It comes from Authenticate, or is Operator.
type Caller struct {
	Operator bool   // the operator of the server; the rest is empty then
	Platform string // the platform's component_appid
	AppID    string // the Mini Program it acts for; "" with a component_access_token
	RID      string // the request's id, for the audit record
	epoch    int64  // which grant of the authorization the token belongs to
	at       int64  // when the token was looked at, Unix milliseconds; 0: ask the clock
}

// OperatorCaller returns the operator as caller of one request.
func OperatorCaller(rid string) Caller { return Caller{Operator: true, RID: rid} }

// account is whose environments the caller reaches (UT-14).
func (c Caller) account() string {
	if c.AppID != "" {
		return c.AppID
	}
	return c.Platform
}
