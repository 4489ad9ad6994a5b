package admin

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strconv"

	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/internal/inject"
)

// Fault is a rule of faults, as a list has it.
type Fault struct{ inject.Listed }

// Key returns the rule's number.
func (f Fault) Key() []string { return []string{f.ID} }

// Cleared is how many rules were removed.
type Cleared struct {
	Removed int `json:"removed"`
}

func (s *Server) faultList(_ http.ResponseWriter, r *http.Request, _ cloud.Caller) (any, error) {
	return list(r, parameters{}, func(p cloud.Page) ([]Fault, error) {
		after := 0
		if p.After != nil {
			after, _ = strconv.Atoi(p.After[0]) // another text is before all
		}
		var found []Fault
		for _, rule := range s.faults.List(s.cloud.Now()) {
			if n, _ := strconv.Atoi(rule.ID); n > after && len(found) < p.Limit {
				found = append(found, s.withoutAccount(r.Context(), rule))
			}
		}
		return found, nil
	})
}

// withoutAccount says of a rule that it never acts, if it is for a platform or Mini
// Program that the server does not have.
func (s *Server) withoutAccount(ctx context.Context, rule inject.Listed) Fault {
	noun, id, err := "", "", error(nil)
	if m := rule.Match; m.Platform != "" {
		noun, id = "platform", m.Platform
		_, err = s.cloud.PlatformView(ctx, id)
	}
	if m := rule.Match; m.AppID != "" && cloud.KindOf(err) != cloud.NotFound {
		noun, id = "Mini Program", m.AppID
		_, err = s.cloud.MiniProgram(ctx, id)
		if err != nil { // a batch environment calls for its platform
			_, err = s.cloud.PlatformView(ctx, id)
		}
	}
	if rule.Never == "" && err != nil && cloud.KindOf(err) == cloud.NotFound {
		rule.Never = "there is no " + noun + " " + strconv.Quote(id)
	}
	return Fault{rule}
}

func (s *Server) addFault(w http.ResponseWriter, r *http.Request, c cloud.Caller) (any, error) {
	rule, err := readRule(w, r)
	if err != nil {
		return nil, err
	}
	listed, err := s.faults.Add(rule, s.cloud.Now())
	if bad, ok := errors.AsType[*inject.BadRule](err); ok {
		return nil, cloud.RefusedMember(bad.Member, bad.Message)
	}
	if errors.Is(err, inject.ErrTooMany) {
		return nil, cloud.Refused(cloud.LimitReached, err.Error())
	}
	if err != nil {
		return nil, err
	}
	return made{s.withoutAccount(r.Context(), listed)}, s.cloud.RecordTest(c, "fault", listed.ID+" added: "+rule.Do.String())
}

// readRule reads a rule. What is wrong with a member is said with its name, such as
// when.skip.
func readRule(w http.ResponseWriter, r *http.Request) (rule inject.Rule, err error) {
	var parts struct {
		Match json.RawMessage `json:"match"`
		When  json.RawMessage `json:"when"`
		Do    json.RawMessage `json:"do"`
	}
	if err := readChange(w, r, &parts); err != nil {
		return rule, err
	}
	for _, part := range []struct {
		name string
		text []byte
		to   any
	}{{"match.", parts.Match, &rule.Match}, {"when.", parts.When, &rule.When}, {"do.", parts.Do, &rule.Do}} {
		if err := decodeMembers(part.text, part.name, part.to); err != nil {
			return rule, err
		}
	}
	return rule, nil
}

func (s *Server) removeFault(_ http.ResponseWriter, r *http.Request, c cloud.Caller) (any, error) {
	id := r.PathValue("id")
	if !s.faults.Remove(id) {
		return nil, cloud.Refused(cloud.NotFound, "there is no rule "+strconv.Quote(id)+": GET /v1/faults lists them")
	}
	return Cleared{1}, s.cloud.RecordTest(c, "fault", id+" removed")
}

func (s *Server) clearFaults(_ http.ResponseWriter, r *http.Request, c cloud.Caller) (any, error) {
	return Cleared{s.faults.Clear()}, s.cloud.RecordTest(c, "fault", "all removed")
}

// AddFault adds a rule and returns it as it is listed.
func (c *Client) AddFault(ctx context.Context, rule inject.Rule) (Fault, error) {
	return ask[Fault](ctx, c, "POST", "/v1/faults", rule)
}

// Faults returns the rules in their order.
func (c *Client) Faults(ctx context.Context) ([]Fault, error) {
	all := []Fault{}
	err := Each(ctx, c, "/v1/faults", nil, func(f Fault) error {
		all = append(all, f)
		return nil
	})
	return all, err
}

// ClearFaults removes a rule, or all if id is "".
func (c *Client) ClearFaults(ctx context.Context, id string) (Cleared, error) {
	path := "/v1/faults"
	if id != "" {
		path += "/" + url.PathEscape(id)
	}
	return ask[Cleared](ctx, c, "DELETE", path, nil)
}
