package journal

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
)

// Mask returns what stands for a secret: its kind and the beginning of its SHA-256,
// so that equal secrets can be told equal and none can be used.
func Mask(kind, secret string) string {
	if secret == "" || isMasked(kind, secret) {
		return secret
	}
	sum := sha256.Sum256([]byte(secret))
	return kind + ":" + hex.EncodeToString(sum[:4])
}

// isMasked reports whether a text is what Mask made.
func isMasked(kind, text string) bool {
	rest, ok := strings.CutPrefix(text, kind+":")
	return ok && len(rest) == 8 && strings.Trim(rest, "0123456789abcdef") == ""
}

// MaskHeaders returns headers with their secrets masked.
func MaskHeaders(h http.Header) map[string]string {
	masked := make(map[string]string, len(h))
	for name, values := range h {
		value := strings.Join(values, ", ")
		if kind := secretHeaders[strings.ToLower(name)]; kind != "" {
			masked[name] = Mask(kind, value)
		} else {
			masked[name] = MaskText(value)
		}
	}
	return masked
}

// MaskBody returns a body, which may be JSON, a form or XML, whole or cut off, with
// its secrets masked. zip is what stands for the member ZipFile.
func MaskBody(body []byte, zip string) string {
	return MaskText(maskXML(maskJSON(body, zip)))
}

// MaskText masks the secrets that a text shows by their names (name=value), by
// where they stand (a link) or by their form: tokens are long.
func MaskText(text string) string {
	if len(text) < 8 {
		return text
	}
	return maskRuns(maskLinks(maskPairs(text)))
}

// maskPairs masks the values of pairs such as access_token=VALUE.
func maskPairs(text string) string {
	if !strings.Contains(text, "=") {
		return text
	}
	var b strings.Builder
	for {
		at := strings.IndexByte(text, '=')
		if at < 0 {
			b.WriteString(text)
			return b.String()
		}
		begin := at
		for begin > 0 && at-begin < maxName*3 && !isSeparator(text[begin-1]) {
			begin--
		}
		name := unescape(text[begin:at])
		b.WriteString(text[:at+1])
		text = text[at+1:]
		kind := kindOf(name)
		if kind == "" && strings.EqualFold(name, "code") {
			kind = "code" // of the consent page's form; in JSON it is none
		}
		if kind == "" {
			continue
		}
		end := strings.IndexAny(text, "&\"'<> \t\r\n;\\")
		if end < 0 {
			end = len(text)
		}
		b.WriteString(Mask(kind, unescape(text[:end])))
		text = text[end:]
	}
}

func isSeparator(c byte) bool { return strings.IndexByte("&?;\"'<> \t\r\n=,", c) >= 0 }

// unescape returns a part of a query without its escapes, if they are right.
func unescape(text string) string {
	if plain, err := url.QueryUnescape(text); err == nil {
		return plain
	}
	return text
}

// linkPath is where links lead to.
const linkPath = "/download/"

// maskLinks masks the tokens of links.
func maskLinks(text string) string {
	for from := 0; ; {
		at := strings.Index(text[from:], linkPath)
		if at < 0 {
			return text
		}
		begin := from + at + len(linkPath)
		end := begin
		for end < len(text) && !strings.ContainsRune("/?#\"'<> \t\r\n\\&", rune(text[end])) {
			end++
		}
		masked := Mask("link", text[begin:end])
		text = text[:begin] + masked + text[end:]
		from = begin + len(masked)
	}
}

// minToken is how long a word is at least that is taken for a token wherever it
// stands, unless it is all hex digits, as checksums are.
const minToken = 48

// maskRuns masks words that have the form of a token.
func maskRuns(text string) string {
	if len(text) < minToken {
		return text
	}
	var b strings.Builder
	done := 0
	for i := 0; i < len(text); {
		if !isWord(text[i]) {
			i++
			continue
		}
		end, hex := i, true
		for ; end < len(text) && isWord(text[end]); end++ {
			hex = hex && isHex(text[end])
		}
		if end-i >= minToken && !hex {
			b.WriteString(text[done:i])
			b.WriteString(Mask("token", text[i:end]))
			done = end
		}
		i = end
	}
	if done == 0 {
		return text
	}
	b.WriteString(text[done:])
	return b.String()
}

func isWord(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_' || c == '-'
}

func isHex(c byte) bool { return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F' }

// maskJSON masks the members of JSON that are secrets.
func maskJSON(body []byte, zip string) string {
	return eachMember(string(body), func(name, value string) string {
		switch {
		case zip != "" && strings.EqualFold(name, "ZipFile"):
			return quotedText(zip)
		case strings.EqualFold(name, "config"):
			return maskConfig(value)
		}
		return maskedValue(kindOf(name), value)
	})
}

// maskConfig masks the values of the environment variables in a function's
// configuration, which is JSON in a text. A text that is cut off is masked whole.
func maskConfig(value string) string {
	config := decoded(value)
	isText := strings.HasPrefix(value, `"`)
	switch {
	case !strings.Contains(strings.ToLower(config), "environment") && !strings.Contains(config, `\u`):
		return value
	case isText && config == value:
		return maskedValue("variable", value)
	}
	masked := eachMember(config, func(name, value string) string {
		if strings.EqualFold(name, "value") {
			return maskedValue("variable", value)
		}
		return value
	})
	if isText {
		return quotedText(masked)
	}
	return masked
}

// eachMember puts other values in the place of those of the members of JSON. It reads
// texts and what stands between them, and so what is cut off or otherwise malformed
// too.
func eachMember(text string, other func(name, value string) string) string {
	if !strings.Contains(text, ":") || !strings.Contains(text, "\"") {
		return text
	}
	var b strings.Builder
	for i := 0; i < len(text); {
		quote := strings.IndexByte(text[i:], '"')
		if quote < 0 {
			b.WriteString(text[i:])
			break
		}
		begin := i + quote
		end := endOfText(text, begin)
		b.WriteString(text[i:end])
		i = end
		at := colonAfter(text, end)
		if at < 0 {
			continue
		}
		value := text[at:endOfValue(text, at)]
		masked := other(decoded(text[begin:end]), value)
		if masked == value {
			continue
		}
		b.WriteString(text[end:at])
		b.WriteString(masked)
		i = at + len(value)
	}
	return b.String()
}

// maskedValue returns what stands for the value of a member that is a secret of a
// kind, if it is of any. null and the empty text stay, since they hold nothing.
func maskedValue(kind, value string) string {
	if kind == "" || value == "null" || value == "" {
		return value
	}
	return quotedText(Mask(kind, decoded(value)))
}

func quotedText(text string) string {
	quoted, _ := json.Marshal(text) // a text can be written always
	return string(quoted)
}

// endOfText returns where a text in quotes ends that begins at a place.
func endOfText(text string, begin int) int {
	for i := begin + 1; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(text)
}

// colonAfter returns where the value begins if a colon follows, -1 if none does.
func colonAfter(text string, at int) int {
	at = skipSpace(text, at)
	if at >= len(text) || text[at] != ':' {
		return -1
	}
	return skipSpace(text, at+1)
}

func skipSpace(text string, at int) int {
	for at < len(text) && strings.IndexByte(" \t\r\n", text[at]) >= 0 {
		at++
	}
	return at
}

// endOfValue returns where a value ends that begins at a place. Of what is neither
// a text nor a plain word, brackets included, everything counts to the end of its
// nesting.
func endOfValue(text string, at int) int {
	depth := 0
	for at < len(text) {
		switch c := text[at]; {
		case c == '"':
			if at = endOfText(text, at); depth == 0 {
				return at
			}
			continue
		case c == '{' || c == '[':
			depth++
		case (c == '}' || c == ']') && depth > 0:
			if depth--; depth == 0 {
				return at + 1
			}
		case depth == 0 && strings.IndexByte(",}] \t\r\n", c) >= 0:
			return at
		}
		at++
	}
	return at
}

// decoded returns the text that a quoted text is, or what stands there if it is
// none.
func decoded(raw string) string {
	if len(raw) > 1 && raw[0] == '"' && !strings.Contains(raw, `\`) {
		return strings.TrimSuffix(raw[1:], `"`)
	}
	var text string
	if json.Unmarshal([]byte(raw), &text) == nil {
		return text
	}
	return raw
}

// maskXML masks the elements of XML that are secrets, such as
// <ComponentVerifyTicket><![CDATA[…]]></ComponentVerifyTicket>.
func maskXML(text string) string {
	if !strings.HasPrefix(strings.TrimLeft(text, " \t\r\n"), "<") {
		return text
	}
	var b strings.Builder
	for {
		open := strings.IndexByte(text, '<')
		if open < 0 {
			b.WriteString(text)
			return b.String()
		}
		end := strings.IndexByte(text[open:], '>')
		if end < 0 {
			b.WriteString(text)
			return b.String()
		}
		name, after := text[open+1:open+end], open+end+1
		b.WriteString(text[:after])
		text = text[after:]
		kind := kindOf(strings.TrimSpace(name))
		if kind == "" {
			continue
		}
		close := strings.Index(text, "</")
		if close < 0 {
			close = len(text)
		}
		value := strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(text[:close]), "<![CDATA["), "]]>")
		b.WriteString(Mask(kind, value))
		text = text[close:]
	}
}
