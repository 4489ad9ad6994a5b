package tcb

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"
)

// maxRedirects is how often a download is led on.
const maxRedirects = 10

// forCalls returns a client whose calls are never led elsewhere: their address
// and body hold secrets, which are for the platform alone.
func forCalls(h *http.Client) *http.Client {
	c := *h
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &c
}

// forDownloads returns a client whose downloads may be led on, to a bucket for
// instance, but not from https to http, and without a word of where they come
// from: the address of a link opens the code.
func forDownloads(h *http.Client) *http.Client {
	c := *h
	c.CheckRedirect = func(next *http.Request, before []*http.Request) error {
		next.Header.Del("Referer")
		switch from := before[len(before)-1].URL; {
		case len(before) >= maxRedirects:
			return errors.New("the link leads on and on")
		case from.Scheme == "https" && next.URL.Scheme != "https":
			return errors.New("the link leads from https to " + next.URL.Scheme)
		}
		return nil
	}
	return &c
}

// redirected describes an answer that leads elsewhere; "" if it does not. Of
// the place it shows the host, since the rest may hold a token.
func redirected(resp *http.Response) string {
	place := resp.Header.Get("Location")
	if resp.StatusCode/100 != 3 || place == "" {
		return ""
	}
	reason := "leads elsewhere"
	if u, err := url.Parse(place); err == nil && u.Host != "" {
		reason = "leads to " + strconv.Quote(u.Scheme+"://"+u.Host)
	}
	return reason + ": a call is not sent on, since it holds secrets; is the base URL right?"
}
