package cloud

// Caller is who asks, and when. Whatever proves a caller makes it and sets its
// time: Authenticate, OpenUpload, Runtime, AdminCaller, OperatorCaller. The rules take the
// time of a call from its caller and from nowhere else, so that one call happens
// at one moment.
type Caller struct {
	By       string // the admin token that proved the operator, as the record names it
	Platform string // the platform's component_appid
	AppID    string // the Mini Program it acts for; "" with a component_access_token
	RID      string // the request's id, for the audit record
	Now      int64  // when the call was looked at, Unix milliseconds
	Seen     string // the ETag of what the operator decided a change on; "" for whatever is there
	// CredentialEnds is when the credential of a runtime expires, Unix milliseconds;
	// 0 if it does not.
	CredentialEnds int64
	Operator       bool  // the operator of the server; the rest is empty then, but for By
	Bounded        bool  // its platform has limits, which Admit looks at
	runtime        bool  // the runtime of an environment
	code           bool  // whose credential opens its code too
	epoch          int64 // which grant of the authorization, or of credentials, the token belongs to
	issued         int64 // tells the caller's credentials apart: when the token was issued
}

// caller returns a caller of one request, at this moment, of whom nothing else
// is known yet.
func (s *Service) caller(rid string) Caller { return Caller{RID: rid, Now: s.now()} }

// OperatorCaller returns the operator as caller of one request, at this moment,
// whom no token has proved.
func (s *Service) OperatorCaller(rid string) Caller {
	c := s.caller(rid)
	c.Operator = true
	return c
}

// ConsentCaller returns the caller of one request for the consent page, at this
// moment, of whom nothing else is known.
func (s *Service) ConsentCaller(rid string) Caller { return s.caller(rid) }

// renewed returns the caller at this moment, for what comes after something that
// may have taken long: a body of code, or its storage.
func (s *Service) renewed(c Caller) Caller {
	c.Now = s.now()
	return c
}

// account is whose environments the caller reaches (UT-14).
func (c Caller) account() string {
	if c.AppID != "" {
		return c.AppID
	}
	return c.Platform
}
