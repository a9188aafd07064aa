package auth

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/sigrouter/sigrouter/sig"
)

// Load reads a file; see Parse. One that everybody may write to is refused.
func Load(path string) (*File, error) {
	in, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	if st, err := in.Stat(); err == nil && st.Mode().Perm()&0o002 != 0 && runtime.GOOS != "windows" {
		return nil, fmt.Errorf("%s: everybody may write to it, and so let themselves in; chmod o-w it", path)
	}
	return Parse(path, in)
}

// Parse reads the text of a file. The error names each line that is wrong, as
// name:line, and what to do about it; it never shows what may be a secret.
func Parse(name string, in io.Reader) (*File, error) {
	p := parser{
		file: &File{proved: map[proof][]string{}, rights: map[string]*Rights{}},
		name: name, role: map[string]int{},
	}
	s := bufio.NewScanner(in)
	for p.line = 1; s.Scan(); p.line++ {
		words, err := split(s.Text())
		if err != nil {
			p.fail("%v", err)
		} else if len(words) > 0 {
			p.statement(words)
		}
	}
	if err := s.Err(); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	p.checkRoles()
	if err := p.err(); err != nil {
		return nil, err
	}
	return p.file, nil
}

type parser struct {
	file *File
	name string // of the file
	line int
	role map[string]int // line where a role was first given to somebody
	bad  []badLine
}

type badLine struct {
	line int
	text string
}

// maxErrors is how many lines are reported at once.
const maxErrors = 20

func (p *parser) fail(format string, args ...any) { p.failAt(p.line, format, args...) }

func (p *parser) failAt(line int, format string, args ...any) {
	p.bad = append(p.bad, badLine{line, fmt.Sprintf(format, args...)})
}

// err returns what is wrong, in the order of the lines.
func (p *parser) err() error {
	slices.SortStableFunc(p.bad, func(a, b badLine) int { return cmp.Compare(a.line, b.line) })
	var errs []error
	for _, b := range p.bad[:min(len(p.bad), maxErrors)] {
		errs = append(errs, fmt.Errorf("%s:%d: %s", p.name, b.line, b.text))
	}
	return errors.Join(errs...)
}

// split divides a line into words. Of a comment there are none.
func split(line string) ([]string, error) {
	var words []string
	for rest := strings.TrimSpace(line); rest != ""; rest = strings.TrimSpace(rest) {
		switch {
		case rest[0] == '#' && (len(words) == 0 || len(rest) == 1 || unicode.IsSpace(rune(rest[1]))):
			return words, nil
		case rest[0] == '"':
			quoted, err := strconv.QuotedPrefix(rest)
			if err != nil {
				return nil, errors.New("a quoted word does not end, or has an escape that Go does not know")
			}
			word, _ := strconv.Unquote(quoted) // QuotedPrefix has looked at it
			words, rest = append(words, word), rest[len(quoted):]
		default:
			end := strings.IndexFunc(rest, unicode.IsSpace)
			if end < 0 {
				end = len(rest)
			}
			words, rest = append(words, rest[:end]), rest[end:]
		}
	}
	return words, nil
}

func (p *parser) statement(words []string) {
	switch words[0] {
	case byToken:
		p.token(words)
	case byCertificate, byUser:
		p.carrier(words)
	case byNothing:
		if p.file.unknown {
			p.fail("a second line for anonymous; one names all its roles")
		}
		p.file.unknown = true
		p.file.anonymous = p.roles(words[1:])
	case "allow", "deny":
		p.rule(words)
	default:
		p.fail("a line begins with token, certificate, user, anonymous, allow or deny, not with %s", shown(words[0]))
	}
}

// shown quotes a word of the file for an error, unless it may be a secret.
func shown(word string) string {
	if len(word) > 20 || strings.Contains(word, tokenMark) {
		return "what stands there"
	}
	return strconv.QuoteToASCII(word)
}

func (p *parser) token(words []string) {
	if len(words) < 3 {
		p.fail("token needs a name and a hash: token NAME sha256:… ROLE…")
		return
	}
	if err := sig.CheckName("token", words[1]); err != nil {
		p.fail("%v", err)
		return
	}
	hash, ok := parseHash(words[2])
	if !ok {
		p.fail("the hash of token %s is not sha256: and 64 hexadecimal digits; if it is the token itself, it is not secret any more: make another with sig token", shown(words[1]))
		return
	}
	if slices.ContainsFunc(p.file.tokens, func(t token) bool { return t.hash == hash }) {
		p.fail("the hash of token %s is that of an earlier line", shown(words[1]))
		return
	}
	p.file.tokens = append(p.file.tokens, token{words[1], hash, p.roles(words[3:])})
}

func (p *parser) carrier(words []string) {
	if len(words) < 2 {
		p.fail("%s needs to know whose, or * for all", words[0])
		return
	}
	if _, err := strconv.ParseUint(words[1], 10, 32); words[0] == byUser && words[1] != "*" && err != nil {
		p.fail("user needs a user's number, or * for all, not %s; id -u NAME shows it", shown(words[1]))
		return
	}
	who := proof{by: words[0], name: words[1]}
	if _, ok := p.file.proved[who]; ok {
		p.fail("a second line for %s %s; one names all its roles", words[0], shown(words[1]))
		return
	}
	p.file.proved[who] = p.roles(words[2:])
}

// roles checks and notes the roles that somebody is given.
func (p *parser) roles(roles []string) []string {
	for _, r := range roles {
		if err := checkRole(r); err != nil {
			p.fail("%v", err)
		} else if _, ok := p.role[r]; !ok {
			p.role[r] = p.line
		}
	}
	return roles
}

func checkRole(r string) error {
	if r == "" || strings.ContainsFunc(r, func(c rune) bool {
		return !unicode.IsLetter(c) && !unicode.IsDigit(c) && c != '-' && c != '_' && c != '.'
	}) {
		return fmt.Errorf("%s is no role: a role is letters, digits, dots, dashes and underscores", shown(r))
	}
	return nil
}

func (p *parser) rule(words []string) {
	if len(words) < 4 || len(words) > 5 {
		p.fail("%s needs a role, actions, a sender and perhaps an event or method: %s ROLE ACTIONS SENDER [NAME]", words[0], words[0])
		return
	}
	r := fileRule{role: words[1], line: p.line, Rule: Rule{Deny: words[0] == "deny", Sender: words[3], Name: sig.Any}}
	var err error
	if r.role != "*" {
		err = checkRole(r.role)
	}
	if err == nil {
		r.Actions, err = parseActions(words[2])
	}
	if len(words) == 5 {
		r.Name = words[4]
		if err == nil && r.Actions == Add {
			err = errors.New("add is about a sender; it takes no event or method")
		}
	}
	if err == nil {
		err = sig.CheckPattern("sender", r.Sender)
	}
	if err == nil {
		err = sig.CheckPattern("event or method", r.Name)
	}
	if err != nil {
		p.fail("%v", err)
		return
	}
	p.file.rules = append(p.file.rules, r)
}

func parseActions(list string) (Action, error) {
	var all Action
	for word := range strings.SplitSeq(list, ",") {
		switch word {
		case "add":
			all |= Add
		case "trigger":
			all |= Trigger
		case "listen":
			all |= Listen
		case "request":
			all |= Request
		case "any":
			all |= Any
		default:
			return 0, fmt.Errorf("%s is no action; actions are add, trigger, listen, request, divided by commas, or any", shown(word))
		}
	}
	return all, nil
}

// checkRoles finds roles that were misspelt, most likely, and rules that leave nothing.
func (p *parser) checkRoles() {
	rules := p.file.rules
	if len(rules) == 0 {
		return
	}
	allows := false
	for _, r := range rules {
		delete(p.role, r.role)
		allows = allows || !r.Deny
	}
	for role, line := range p.role {
		p.failAt(line, "no rule is about role %s; add one, or leave the role out", role)
	}
	if !allows {
		p.failAt(rules[0].line, "there are rules that deny and none that allows, so nobody may do anything; add allow * any >")
	}
}
