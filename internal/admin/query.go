package admin

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/opentcb/opentcb/internal/cloud"
	"github.com/opentcb/opentcb/internal/words"
)

// parameters is what a request's query may have: how the value of each name is
// read. An error of it says what the value must be.
type parameters map[string]func(value string) error

// read reads the query. A parameter that is none is refused, as is one that is
// there twice: it would have no effect.
func (p parameters) read(r *http.Request) error {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return cloud.Refused(cloud.InvalidArgs, "the query cannot be read")
	}
	for _, name := range slices.Sorted(maps.Keys(query)) {
		set, ok := p[name]
		if !ok {
			return unknown("parameter", name, slices.Sorted(maps.Keys(p)))
		}
		if len(query[name]) > 1 {
			return cloud.RefusedMember(name, name+" is there twice")
		}
		if err := set(query[name][0]); err != nil {
			return cloud.RefusedMember(name, name+" must be "+err.Error())
		}
	}
	return nil
}

// noQuery is a handler of requests without a query.
func noQuery(h handler) handler {
	return func(w http.ResponseWriter, r *http.Request, c cloud.Caller) (any, error) {
		if err := (parameters{}).read(r); err != nil {
			return nil, err
		}
		return h(w, r, c)
	}
}

// unknown refuses a name that none of those known is.
func unknown(noun, name string, known []string) error {
	text := fmt.Sprintf("there is no %s %.64q", noun, name)
	switch near := words.Nearest(name, known); {
	case near != "":
		text += ": did you mean " + near + "?"
	case len(known) > 0:
		text += ": there is " + strings.Join(known, ", ")
	}
	return cloud.RefusedMember(name, text)
}

// anyText reads any value.
func anyText(to *cloud.Maybe[string]) func(string) error {
	return func(value string) error {
		*to = cloud.Given(value)
		return nil
	}
}

// oneOf reads one of some words.
func oneOf(to *cloud.Maybe[string], words ...string) func(string) error {
	return func(value string) error {
		if !slices.Contains(words, value) {
			return fmt.Errorf("one of %s", strings.Join(words, ", "))
		}
		*to = cloud.Given(value)
		return nil
	}
}

// truth reads true or false.
func truth(to *cloud.Maybe[bool]) func(string) error {
	return func(value string) error {
		if value != "true" && value != "false" {
			return fmt.Errorf("true or false")
		}
		*to = cloud.Given(value == "true")
		return nil
	}
}

// text takes what is there.
func text(to *string) func(string) error {
	return func(value string) error { *to = value; return nil }
}

// span reads a span of time above 0 and at most most.
func span(to *time.Duration, most time.Duration) func(string) error {
	return func(value string) error {
		d, err := time.ParseDuration(value)
		if err != nil || d <= 0 || d > most {
			return fmt.Errorf("a span of at most %v, such as 30s", most)
		}
		*to = d
		return nil
	}
}

// number reads a number of at least 1 and at most most.
func number(to *int, most int) func(string) error {
	return func(value string) error {
		n, err := strconv.Atoi(value)
		if err != nil || n < 1 || n > most {
			return fmt.Errorf("from 1 to %d", most)
		}
		*to = n
		return nil
	}
}
