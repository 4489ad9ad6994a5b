package admin

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"

	"github.com/opentcb/opentcb/internal/cloud"
)

// The items of one page of a list.
const (
	defaultLimit = 100
	maxLimit     = 1000
)

// List is a page of a list. Next is what after must be for the page that follows,
// "" on the last one.
type List[T any] struct {
	Items []T    `json:"items"`
	Next  string `json:"next,omitempty"`
}

// keyed is an item that knows its place in a list.
type keyed interface{ Key() []string }

// list answers with a page: the parameters limit and after say which, the others
// are the list's filters. find reads the page once they are known.
func list[T keyed](r *http.Request, filters parameters, find func(cloud.Page) ([]T, error)) (any, error) {
	p := cloud.Page{Limit: defaultLimit}
	var item T
	filters["limit"] = number(&p.Limit, maxLimit)
	filters["after"] = func(value string) error { return decodeKey(value, len(item.Key()), &p.After) }
	if err := filters.read(r); err != nil {
		return nil, err
	}
	limit := p.Limit
	p.Limit++ // whether there is another page
	items, err := find(p)
	if err != nil {
		return nil, err
	}
	page := List[T]{Items: append([]T{}, items[:min(limit, len(items))]...)}
	if len(items) > limit {
		page.Next = encodeKey(items[limit-1].Key())
	}
	return page, nil
}

// encodeKey returns the key of the last item of a page, as next and after have it.
func encodeKey(key []string) string {
	text, _ := json.Marshal(key) // texts alone
	return base64.RawURLEncoding.EncodeToString(text)
}

// decodeKey reads a key of that many parts; "" is the beginning of the list.
func decodeKey(value string, parts int, key *[]string) error {
	if value == "" {
		return nil
	}
	text, err := base64.RawURLEncoding.DecodeString(value)
	if err == nil {
		err = json.Unmarshal(text, key)
	}
	if n := len(*key); err != nil || n != parts {
		return errors.New("what next of the page before is")
	}
	return nil
}

// Each gives the items of a list to each, page by page, and ends early with an
// error of each. path and query are those of the first page.
func Each[T any](ctx context.Context, c *Client, path string, query url.Values, each func(T) error) error {
	q := url.Values{}
	for name, values := range query {
		q[name] = values
	}
	for {
		page, err := ask[List[T]](ctx, c, "GET", path+"?"+q.Encode(), nil)
		if err != nil {
			return err
		}
		for _, item := range page.Items {
			if err := each(item); err != nil {
				return err
			}
		}
		if page.Next == "" {
			return nil
		}
		q.Set("after", page.Next)
	}
}
