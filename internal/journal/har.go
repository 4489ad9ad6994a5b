package journal

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// HAR is an HTTP archive of version 1.2.
type HAR struct {
	Log HARLog `json:"log"`
}

// HARLog is the content of an archive.
type HARLog struct {
	Version string     `json:"version"`
	Creator HARCreator `json:"creator"`
	Entries []HAREntry `json:"entries"`
}

// HARCreator is the program that made an archive.
type HARCreator struct {
	Name    string `json:"name"`
	Version string `json:"version"`
}

// HAREntry is a request and its answer.
type HAREntry struct {
	StartedDateTime string      `json:"startedDateTime"`
	Time            float64     `json:"time"` // milliseconds
	Request         HARRequest  `json:"request"`
	Response        HARResponse `json:"response"`
	Cache           struct{}    `json:"cache"`
	Timings         HARTimings  `json:"timings"`
	Comment         string      `json:"comment,omitempty"`
}

// HARRequest is a request.
type HARRequest struct {
	Method      string    `json:"method"`
	URL         string    `json:"url"`
	HTTPVersion string    `json:"httpVersion"`
	Cookies     []HARPair `json:"cookies"`
	Headers     []HARPair `json:"headers"`
	QueryString []HARPair `json:"queryString"`
	PostData    *HARBody  `json:"postData,omitempty"`
	HeadersSize int       `json:"headersSize"`
	BodySize    int64     `json:"bodySize"`
}

// HARResponse is an answer. Its status is 0 if there was none.
type HARResponse struct {
	Status      int       `json:"status"`
	StatusText  string    `json:"statusText"`
	HTTPVersion string    `json:"httpVersion"`
	Cookies     []HARPair `json:"cookies"`
	Headers     []HARPair `json:"headers"`
	Content     HARBody   `json:"content"`
	RedirectURL string    `json:"redirectURL"`
	HeadersSize int       `json:"headersSize"`
	BodySize    int64     `json:"bodySize"`
}

// HARBody is a body; Size is only that of an answer's.
type HARBody struct {
	Size     *int64 `json:"size,omitempty"`
	MimeType string `json:"mimeType"`
	Text     string `json:"text"`
	Comment  string `json:"comment,omitempty"`
}

// HARPair is a name and a value.
type HARPair struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// HARTimings is how long the parts of a call took, in milliseconds.
type HARTimings struct {
	Send    float64 `json:"send"`
	Wait    float64 `json:"wait"`
	Receive float64 `json:"receive"`
}

const httpVersion = "HTTP/1.1"

// ToHAR returns entries as an HTTP archive. version is that of the program.
func ToHAR(version string, entries []*Entry) HAR {
	har := HAR{HARLog{Version: "1.2", Creator: HARCreator{"opentcb", version}, Entries: []HAREntry{}}}
	for _, e := range entries {
		har.Log.Entries = append(har.Log.Entries, e.har())
	}
	return har
}

func (e *Entry) har() HAREntry {
	address := e.Path
	if strings.HasPrefix(address, "/") {
		address = "http://" + e.Host + e.Path
	}
	if e.Query != "" {
		address += "?" + e.Query
	}
	answered := e.AnswerBytes
	h := HAREntry{
		StartedDateTime: time.UnixMilli(e.At).UTC().Format("2006-01-02T15:04:05.000Z"),
		Time:            e.TookMS, Timings: HARTimings{Wait: e.TookMS}, Comment: e.comment(),
		Request: HARRequest{
			Method: e.Method, URL: address, HTTPVersion: httpVersion, Cookies: []HARPair{},
			Headers: pairs(e.Headers), QueryString: queryPairs(e.Query), HeadersSize: -1, BodySize: e.BodyBytes,
		},
		Response: HARResponse{
			Status: e.Status, StatusText: http.StatusText(e.Status), HTTPVersion: httpVersion, Cookies: []HARPair{},
			Headers: pairs(e.AnswerHeaders), RedirectURL: e.AnswerHeaders["Location"], HeadersSize: -1, BodySize: answered,
			Content: HARBody{Size: &answered, MimeType: e.AnswerHeaders["Content-Type"], Text: e.Answer, Comment: cut(e.AnswerCut)},
		},
	}
	if e.BodyBytes > 0 {
		h.Request.PostData = &HARBody{MimeType: e.Headers["Content-Type"], Text: e.Body, Comment: cut(e.BodyCut)}
	}
	return h
}

// comment says what an archive has no member for.
func (e *Entry) comment() string {
	parts := []string{e.Interface}
	for _, part := range []string{e.Platform, e.AppID, e.Env, e.Function} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	if e.RID != "" {
		parts = append(parts, "rid "+e.RID)
	}
	if e.Fault != nil {
		parts = append(parts, "injected: "+e.Fault.Did)
	}
	return strings.Join(parts, " ")
}

func cut(is bool) string {
	if is {
		return "cut: only the beginning is kept"
	}
	return ""
}

func pairs(headers map[string]string) []HARPair {
	list := []HARPair{}
	for name, value := range headers {
		list = append(list, HARPair{name, value})
	}
	slices.SortFunc(list, func(a, b HARPair) int { return strings.Compare(a.Name, b.Name) })
	return list
}

func queryPairs(query string) []HARPair {
	list := []HARPair{}
	for part := range strings.SplitSeq(query, "&") {
		if name, value, _ := strings.Cut(part, "="); name != "" {
			list = append(list, HARPair{unescape(name), unescape(value)})
		}
	}
	return list
}
