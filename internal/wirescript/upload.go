package wirescript

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// parseSign reads "sign BODY as c1 a1 -> NAME".
func parseSign(p *caseParser, _ line, rest string) (step, error) {
	words := splitWords(rest)
	if len(words) != 6 || words[1] != "as" || words[4] != "->" || !p.world[words[2]] || !p.world[words[3]] {
		return nil, errors.New("want: sign BODY as c1 a1 -> NAME")
	}
	body, err := p.text(words[0])
	if err != nil {
		return nil, err
	}
	p.c.use("token " + words[2] + " " + words[3])
	return act(func(r *run) error {
		s, err := body.expand(r)
		if err != nil {
			return err
		}
		r.vars[words[5]], err = r.sign(words[2], words[3], s)
		return err
	}), p.make(words[5])
}

// sign obtains the headers for an upload of exactly these bytes (UP-3).
func (r *run) sign(platform, appid, body string) (string, error) {
	token, err := r.value([]string{"token", platform, appid})
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256([]byte(body))
	got, err := r.call("/tcb/getuploadsignature?access_token="+token, map[string]string{"hashed_payload": hex.EncodeToString(sum[:])})
	if err != nil {
		return "", err
	}
	headers, ok := got["headers"].(string)
	if !ok {
		return "", errors.New("getuploadsignature answers no headers")
	}
	return headers, nil
}

// uploadStep is the whole path of section 6, but for createfunction.
type uploadStep struct {
	env, function   text
	zip             text
	platform, appid string
	answers         []*expectation
}

// parseUpload reads "upload ENV FUNCTION ZIP as c1 a1" and the answer.
func parseUpload(p *caseParser, first line, rest string) (step, error) {
	words := splitWords(rest)
	if len(words) != 6 || words[3] != "as" || !p.world[words[4]] || !p.world[words[5]] {
		return nil, errors.New("want: upload ENV FUNCTION ZIP as c1 a1")
	}
	s := &uploadStep{platform: words[4], appid: words[5]}
	for i, part := range []*text{&s.env, &s.function, &s.zip} {
		var err error
		if *part, err = p.text(words[i]); err != nil {
			return nil, err
		}
	}
	if name, ok := strings.CutPrefix(words[2], "zip:"); ok && zips[name] == nil {
		return nil, fmt.Errorf("no zip:%s", name)
	}
	p.c.use("token " + s.platform + " " + s.appid)
	var err error
	s.answers, err = p.answers(first, p.paragraph())
	return s, err
}

// play asks for the key, builds the body, has it signed and posts it.
func (s *uploadStep) play(r *run) error {
	body, err := s.body(r)
	if err != nil {
		return err
	}
	headers, err := r.sign(s.platform, s.appid, body)
	if err != nil {
		return err
	}
	r.vars["upload headers"], r.vars["upload body"] = headers, body
	post := &requestStep{
		method: http.MethodPost, target: text{{literal: "/"}}, answers: s.answers,
		signed: text{{ref: []string{"upload headers"}}}, body: text{{ref: []string{"upload body"}}},
	}
	return post.play(r)
}

func (s *uploadStep) body(r *run) (string, error) {
	var values [3]string
	for i, t := range []text{s.env, s.function, s.zip} {
		var err error
		if values[i], err = t.expand(r); err != nil {
			return "", err
		}
	}
	code, err := zipNamed(values[2])
	if err != nil {
		return "", err
	}
	token, err := r.value([]string{"token", s.platform, s.appid})
	if err != nil {
		return "", err
	}
	got, err := r.call("/tcb/getcodesecret?access_token="+token, nil)
	if err != nil {
		return "", err
	}
	key, _ := got["codesecret"].(string)
	return fmt.Sprintf(`{"CodeSecret":%q,"EnvId":%q,"FunctionName":%q,"Handler":"index.main","ZipFile":%q,"InstallDependency":"FALSE"}`,
		key, values[0], values[1], base64.StdEncoding.EncodeToString(code)), nil
}
