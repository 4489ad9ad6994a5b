package wirescript

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// codeTexts is the table of the specification's section 8.
var codeTexts = map[int]string{
	-1:      "system error",
	-1000:   "system error",
	40001:   "invalid credential, access_token is invalid or not latest",
	40013:   "invalid appid",
	40014:   "invalid access_token",
	40066:   "invalid url",
	40097:   "invalid args",
	40101:   "missing parameter",
	40170:   "args count exceed count limit",
	40125:   "invalid appsecret",
	41001:   "access_token missing",
	42001:   "access_token expired",
	43002:   "require POST method",
	44002:   "empty post data",
	45009:   "reach max api daily quota limit",
	45011:   "api minute-quota reach limit  mustslower  retry next minute",
	47001:   "data format error",
	48001:   "api unauthorized",
	48006:   "forbid to clear quota because of reaching the limit",
	61003:   "component is not authorized by this account",
	61004:   "access clientip is not registered",
	61005:   "component ticket is expired",
	61006:   "component ticket is invalid",
	61007:   "api is unauthorized to component",
	61009:   "code is invalid",
	61010:   "code is expired",
	61011:   "invalid component",
	61023:   "refresh_token is invalid",
	76001:   "rid not found",
	76002:   "rid is error",
	76003:   "could not query this rid, no permission",
	76021:   "cgi_path not found",
	85088:   "no qbase privilege",
	85089:   "config not found",
	85105:   "cloudbase_access_token is closed",
	85107:   "url is not in whitelist",
	-501000: "resource not found",
	-501002: "resource server timeout",
	-501004: "exceed concurrent request limit",
	-501019: "unauthorized operation",
	-504001: "functions request fail",
	-504002: "functions execute fail",
	-504003: "Invoking task timed out after N seconds",
	-604001: "cloudfunction result size exceed limit(1MB)",
}

// secondsForm is the text of -504003, whose N a script says.
var secondsForm = regexp.MustCompile(`^Invoking task timed out after [0-9]+ seconds`)

// textOf returns the text of a code, as a fails line that begins with it may have it.
func textOf(code int, line string) string {
	if code == -504003 {
		return secondsForm.FindString(line)
	}
	return codeTexts[code]
}

// messageForm is an errmsg after the code's own text (EN-4).
var messageForm = regexp.MustCompile(`(?s)\A(?:: (.+))? rid: (([0-9a-f]{8})-[0-9a-f]{8}-[0-9a-f]{8})\z`)

// ridSkew is how far the server's clock may stand from ours.
const ridSkew = 5 * time.Minute

// check compares an answer with the whole envelope of a failure.
func (f *failure) check(r *run, value any) error {
	members, _ := value.(map[string]any)
	message, ok := members["errmsg"].(string)
	if !ok || len(members) != 2 {
		return fmt.Errorf("want errcode and errmsg alone (EN-4)")
	}
	if code := compact(members["errcode"]); code != strconv.Itoa(f.code) {
		return fmt.Errorf("errcode %s, want %d", code, f.code)
	}
	rest, ok := strings.CutPrefix(message, f.text)
	if f.code == 61004 { // has no colon before its detail
		rest = strings.Replace(rest, " ", ": ", 1)
	}
	match := messageForm.FindStringSubmatch(rest)
	if !ok || match == nil {
		return fmt.Errorf("errmsg does not have the form %q[: detail] rid: … (EN-4)", f.text)
	}
	if err := r.showsNoSecret(message); err != nil {
		return err
	}
	if err := f.checkDetail(r, match[1]); err != nil {
		return err
	}
	return r.newRid(match[2], match[3])
}

func (f *failure) checkDetail(r *run, detail string) error {
	if f.form != nil && !f.form.MatchString(detail) {
		return fmt.Errorf("detail %q, want /%s/", detail, f.form)
	}
	if f.detail != nil {
		return in("detail", f.detail.match(r, detail))
	}
	return nil
}

// newRid keeps a rid as ${rid}; it has to be of now and never seen before.
func (r *run) newRid(rid, seconds string) error {
	at, err := strconv.ParseInt(seconds, 16, 64)
	if err != nil {
		return err
	}
	// A moved clock need not move the logger's: a rid of either is of now.
	now := time.Now()
	if r.p.target.Now != nil {
		now = r.p.target.Now()
	}
	off := time.Unix(at, 0).Sub(now)
	if min(off.Abs(), (off-r.p.moved).Abs()) > ridSkew {
		return fmt.Errorf("rid is of %s from now (EN-4)", off)
	}
	if r.p.seen[rid] {
		return fmt.Errorf("rid %s was given before (EN-4)", rid)
	}
	r.p.seen[rid] = true
	r.vars["rid"] = rid
	return nil
}

// checkUpload compares the answer to an upload (UP-4, UP-5).
func (e *expectation) checkUpload(r *run, value any) error {
	pattern := &jsonPattern{kind: '{', names: []string{"Response"}}
	id := &jsonPattern{kind: '"', content: text{{pattern: `.+`, ref: []string{"rid"}}}}
	response := &jsonPattern{kind: '{', names: []string{"RequestId"}, values: []*jsonPattern{id}}
	if e.refused != "" {
		code := &jsonPattern{kind: '"', content: text{{literal: e.refused}}}
		message := &jsonPattern{kind: '"', content: text{{pattern: `.+`, ref: []string{"message"}}}}
		fault := &jsonPattern{kind: '{', names: []string{"Code", "Message"}, values: []*jsonPattern{code, message}}
		response.names = append(response.names, "Error")
		response.values = append(response.values, fault)
	}
	pattern.values = []*jsonPattern{response}
	if err := pattern.match(r, "answer", value); err != nil {
		return err
	}
	if r.p.seen[r.vars["rid"]] {
		return fmt.Errorf("RequestId was given before")
	}
	r.p.seen[r.vars["rid"]] = true
	return r.showsNoSecret(r.vars["message"])
}
