package consent

import (
	"net/http"
	"strconv"
	"strings"
)

// text is one text in both languages.
type text struct{ zh, en string }

// texts is every text of the page, by what it is for. Names and addresses stand in it
// as %s.
var texts = map[string]text{
	"title":       {"小程序授权", "Authorize a platform"},
	"asks":        {"申请获得你的小程序的以下权限", "asks to act for your Mini Program"},
	"platform":    {"第三方平台", "Third-party platform"},
	"miniprogram": {"小程序", "Mini Program"},
	"appid":       {"小程序 AppID", "AppID of the Mini Program"},
	"appid_hint":  {"以 wx 开头，共 18 个字符", "Begins with wx, 18 characters"},
	"code":        {"授权码", "Consent code"},
	"code_hint":   {"16 个字符，由服务运营者提供给你；不区分大小写", "16 characters that the operator of this service gave you; upper or lower case"},
	"sets":        {"授予的权限", "What you allow"},
	"set":         {"权限集 %s", "Permission set %s"},
	"18":          {"开发管理与数据分析", "Development and data analysis"},
	"49":          {"云开发管理", "Cloud development"},
	"number":      {"编号 %s", "No. %s"},
	"authorize":   {"授权", "Authorize"},
	"refuse":      {"拒绝", "Refuse"},
	"leads":       {"授权后将返回 %s", "You will then be taken to %s"},
	"note":        {"你可以随时请服务运营者取消授权。", "You can have this cancelled by the operator of this service at any time."},
	"open":        {"此服务器用于开发：无需授权码。", "This server is for development: no consent code is asked for."},

	"problem":       {"请检查填写的内容", "Please check what you entered"},
	"appid_missing": {"请填写小程序的 AppID。", "Enter the AppID of your Mini Program."},
	"appid_choose":  {"请选择一个小程序。", "Choose a Mini Program."},
	"code_missing":  {"请填写授权码。", "Enter the consent code."},
	"code_false":    {"AppID 与授权码不匹配，或授权码已失效。请核对后重试，或向服务运营者索取新的授权码。", "The code does not fit this AppID, or has expired. Check both, or ask the operator for a new code."},
	"sets_missing":  {"请至少保留一项权限；如不同意，请选择“拒绝”。", "Keep at least one permission, or choose Refuse."},
	"sets_false":    {"所选权限不在平台申请的范围内，请重新选择。", "Choose among the permissions that the platform asks for."},

	"refused_title": {"已拒绝授权", "You refused"},
	"refused":       {"没有授予任何权限。你可以关闭此页面；如改变主意，请从平台重新打开授权链接。", "Nothing was allowed. You can close this page, or open the platform's link again if you change your mind."},

	"error_title":     {"无法继续授权", "This link cannot be used"},
	"error_platform":  {"链接中的平台不存在，请向发送此链接的平台索取新的链接。", "There is no such platform: ask whoever sent you this link for a new one."},
	"error_disabled":  {"该平台已停用，请联系平台。", "The platform is disabled: ask the platform."},
	"error_asks":      {"该平台没有申请任何权限，请联系平台修改后重新打开链接。", "The platform asks for no permission: have it say what it asks for, and open its link again."},
	"error_preauth":   {"链接中的预授权码（pre_auth_code）无效或不属于该平台，请向平台索取新的链接。", "The link's pre_auth_code is none of this platform's: ask the platform for a new link."},
	"error_expired":   {"链接已超过 30 分钟，请向平台索取新的链接。", "The link is more than 30 minutes old: ask the platform for a new one."},
	"error_used":      {"链接已被使用过，请向平台索取新的链接。", "The link was used already: ask the platform for a new one."},
	"error_official":  {"此链接只面向公众号，而这里只有小程序，请平台使用 auth_type=2 或 3。", "The link is for official accounts, and there are Mini Programs alone here: have the platform use auth_type=2 or 3."},
	"error_redirect":  {"链接中的返回地址 %s 不是完整的 http 或 https 地址，请联系平台。允许的主机：%s。", "The link leads back to %s, which is no complete http or https address: ask the platform for another. Allowed: %s."},
	"error_host":      {"链接中的返回地址 %s 不在平台登记的主机之列，请联系平台。允许的主机：%s。", "The link leads back to %s, a host that the platform has not named: ask the platform for another. Allowed: %s."},
	"error_loopback":  {"仅限本机（localhost）", "this machine alone (localhost)"},
	"error_site":      {"表单来自其他网站，请从平台的链接重新打开此页面。", "The form came from another site: open the platform's link anew."},
	"error_form":      {"无法读取表单，请从平台的链接重新打开此页面。", "The form cannot be read: open the platform's link anew."},
	"error_method":    {"请从平台的链接打开此页面。", "Open this page by the platform's link."},
	"error_wait":      {"错误次数过多，请一分钟后再试。", "Too many false codes: wait a minute, and try again."},
	"error_removed":   {"该小程序刚刚被移除或停用，请联系服务运营者。", "The Mini Program was just removed: ask the operator of this service."},
	"error_busy":      {"服务暂时不可用，请稍后重试。", "The service is not available now: try again in a moment."},
	"error_number":    {"编号 %s", "Reference %s"},
	"error_open_host": {"此服务器用于开发，只能以 localhost 打开此页面。", "This server is for development: open this page as localhost."},
}

// in returns a text in a language.
func in(l language, name string) string {
	t, ok := texts[name]
	if !ok {
		panic("there is no text " + name)
	}
	if l == english {
		return t.en
	}
	return t.zh
}

// language is one in which the page can be.
type language string

const (
	chinese language = "zh"
	english language = "en"
)

// languageOf returns the language that a request asks for: the first of those with the
// highest quality, and Chinese for one that asks for neither.
func languageOf(r *http.Request) language {
	best, quality := chinese, 0.0
	for part := range strings.SplitSeq(strings.Join(r.Header["Accept-Language"], ","), ",") {
		tag, parameter, _ := strings.Cut(strings.TrimSpace(part), ";")
		q := 1.0
		if value, ok := strings.CutPrefix(strings.TrimSpace(parameter), "q="); ok {
			n, err := strconv.ParseFloat(value, 64)
			if err != nil {
				continue
			}
			q = n
		}
		primary, _, _ := strings.Cut(strings.ToLower(tag), "-")
		if l := language(primary); (l == chinese || l == english) && q > quality {
			best, quality = l, q
		}
	}
	return best
}
