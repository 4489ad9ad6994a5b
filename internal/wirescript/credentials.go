package wirescript

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// ticket is the platform's current verify ticket. It is not kept: a later use
// asks again.
func (r *run) ticket(platform string) (string, error) {
	value, err := r.p.target.Operator.Ticket(r.vars[platform])
	if err == nil {
		r.keepSecret("ticket", value)
	}
	return value, err
}

// component obtains a component_access_token (CR-1) and keeps it.
func (r *run) component(platform string) (string, error) {
	ticket, err := r.value([]string{"ticket", platform})
	if err != nil {
		return "", err
	}
	got, err := r.call("/cgi-bin/component/api_component_token", map[string]string{
		"component_appid":         r.vars[platform],
		"component_appsecret":     r.vars["secret "+platform],
		"component_verify_ticket": ticket,
	})
	return r.keep("component "+platform, got["component_access_token"], err)
}

// token obtains an authorizer_access_token with the refresh token of the world
// or of the last login (CR-6) and keeps it.
func (r *run) token(platform, appid string) (string, error) {
	component, err := r.value([]string{"component", platform})
	if err != nil {
		return "", err
	}
	got, err := r.call("/cgi-bin/component/api_authorizer_token?component_access_token="+component, map[string]string{
		"component_appid":          r.vars[platform],
		"authorizer_appid":         r.vars[appid],
		"authorizer_refresh_token": r.vars["refresh "+platform+" "+appid],
	})
	if refresh, ok := got["authorizer_refresh_token"].(string); ok {
		r.set("refresh "+platform+" "+appid, refresh)
	}
	return r.keep("token "+platform+" "+appid, got["authorizer_access_token"], err)
}

// cloudbase obtains the token of an environment, as its runtime does (CC-6),
// and keeps it.
func (r *run) cloudbase(env string) (string, error) {
	value, err := r.p.target.Operator.CloudbaseToken(r.vars[env])
	return r.keep("cloudbase "+env, value, err)
}

// keep stores a value that a call answered.
func (r *run) keep(name string, value any, err error) (string, error) {
	s, ok := value.(string)
	if err == nil && !ok {
		err = errors.New("the answer has none")
	}
	if err != nil {
		return "", fmt.Errorf("${%s}: %w", name, err)
	}
	r.set(name, s)
	return s, nil
}

// call posts JSON and returns the members of a successful answer.
func (r *run) call(target string, members map[string]string) (map[string]any, error) {
	body, err := json.Marshal(members)
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequest(http.MethodPost, r.p.url+target, strings.NewReader(string(body)))
	if err != nil {
		return nil, errors.New("no URL")
	}
	got, err := r.p.do(request)
	if err != nil {
		return nil, err
	}
	value, err := decode(got.body)
	if err != nil {
		return nil, fmt.Errorf("HTTP %d, no JSON object: %w", got.status, err)
	}
	r.learn(value)
	answer, _ := value.(map[string]any)
	if code, ok := answer["errcode"]; ok && compact(code) != "0" {
		return nil, fmt.Errorf("%s answers %s", strings.SplitN(target, "?", 2)[0], r.redact(compact(answer)))
	}
	return answer, nil
}

// login is the flow of section 5 up to an authorizer token: pre-auth code,
// consent, query_auth.
func (r *run) login(platform, appid string, sets []int) error {
	component, err := r.value([]string{"component", platform})
	if err != nil {
		return err
	}
	query := "?component_access_token=" + component
	if _, err := r.call("/cgi-bin/component/api_create_preauthcode"+query, map[string]string{"component_appid": r.vars[platform]}); err != nil {
		return err
	}
	code, err := r.p.target.Operator.Authorize(r.vars[platform], r.vars[appid], sets)
	if err != nil {
		return err
	}
	r.keepSecret("authorization code", code)
	got, err := r.call("/cgi-bin/component/api_query_auth"+query, map[string]string{
		"component_appid": r.vars[platform], "authorization_code": code,
	})
	if err != nil {
		return err
	}
	info, _ := got["authorization_info"].(map[string]any)
	if _, err := r.keep("refresh "+platform+" "+appid, info["authorizer_refresh_token"], nil); err != nil {
		return err
	}
	_, err = r.keep("token "+platform+" "+appid, info["authorizer_access_token"], nil)
	return err
}
