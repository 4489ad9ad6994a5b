package journal

import (
	"strings"
)

// Match says which calls are meant, by what is known of a call before it is
// carried out. An empty member fits every call.
type Match struct {
	// Interface is the wire name, or link, upload, cloudcall, push, consent.
	Interface string `json:"interface,omitempty"`
	Platform  string `json:"platform,omitempty"`
	AppID     string `json:"appid,omitempty"`
	Env       string `json:"env,omitempty"`
	Function  string `json:"function,omitempty"`
	// Path is the path of the request without its query; one that ends with an
	// asterisk fits all that begin so.
	Path string `json:"path,omitempty"`
}

// Fits reports whether a call, whose members are its own, is meant.
func (m Match) Fits(call Match) bool {
	return fits(m.Interface, call.Interface) && fits(m.Platform, call.Platform) && fits(m.AppID, call.AppID) &&
		fits(m.Env, call.Env) && fits(m.Function, call.Function) && fitsPath(m.Path, call.Path)
}

// Covers reports whether every call that another match fits is meant, too.
func (m Match) Covers(other Match) bool {
	return fits(m.Interface, other.Interface) && fits(m.Platform, other.Platform) && fits(m.AppID, other.AppID) &&
		fits(m.Env, other.Env) && fits(m.Function, other.Function) && fitsPath(m.Path, other.Path)
}

func fits(want, is string) bool { return want == "" || want == is }

func fitsPath(want, is string) bool {
	if begin, open := strings.CutSuffix(want, "*"); open {
		return strings.HasPrefix(is, begin)
	}
	return fits(want, is)
}

// Filter chooses entries of a journal. Its zero value chooses all.
type Filter struct {
	Match
	ErrCode *int   // nil: every one
	RID     string // "": every one
	Text    string // stands in the query, the body, the answer or the reason
	Since   int64  // Unix milliseconds, inclusive
}

// Fits reports whether the filter chooses an entry.
func (f *Filter) Fits(e *Entry) bool { return e.At >= f.Since && f.missed(e) == 0 }

// The members of a filter, as bits. Those that tell more about a call are greater:
// an entry that misses less comes nearer.
const (
	missText = 1 << iota
	missErrCode
	missFunction
	missEnv
	missAppID
	missPlatform
	missPath
	missRID
	missInterface
)

// missed returns the members of the filter, but for the time, that an entry does not
// fit.
func (f *Filter) missed(e *Entry) (missed int) {
	for _, member := range [...]struct {
		bit  int
		fits bool
	}{
		{missInterface, fits(f.Interface, e.Interface)},
		{missRID, fits(f.RID, e.RID)},
		{missPath, fitsPath(f.Path, e.Path)},
		{missPlatform, fits(f.Platform, e.Platform)},
		{missAppID, fits(f.AppID, e.AppID)},
		{missEnv, fits(f.Env, e.Env)},
		{missFunction, fits(f.Function, e.Function)},
		{missErrCode, f.ErrCode == nil || e.ErrCode != nil && *e.ErrCode == *f.ErrCode},
		{missText, f.Text == "" || e.holds(f.Text)},
	} {
		if !member.fits {
			missed |= member.bit
		}
	}
	return missed
}
