package gen

import (
	"go/token"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// initialisms are written in capitals throughout, as Go programmers do.
var initialisms = []string{"ACL", "API", "ASCII", "CPU", "CSS", "DNS", "EOF", "GUID", "HTML", "HTTP", "HTTPS", "ID", "IP",
	"JSON", "RAM", "RPC", "SQL", "SSH", "TCP", "TLS", "TTL", "UDP", "UI", "URI", "URL", "UTF8", "UUID", "XML"}

// words divides a name: get_student, getStudent and GetStudent are two words each.
func words(name string) []string {
	var all []string
	for part := range strings.SplitSeq(name, "_") {
		start := 0
		runes := []rune(part)
		for i := 1; i < len(runes); i++ {
			up, down := unicode.IsUpper(runes[i]), unicode.IsLower(runes[i-1]) || unicode.IsDigit(runes[i-1])
			nextDown := i+1 < len(runes) && unicode.IsLower(runes[i+1])
			if up && (down || nextDown) {
				all = append(all, string(runes[start:i]))
				start = i
			}
		}
		if start < len(runes) {
			all = append(all, string(runes[start:]))
		}
	}
	return all
}

// goName makes an exported Go name.
func goName(name string) string {
	var b strings.Builder
	for _, w := range words(name) {
		if up := strings.ToUpper(w); slices.Contains(initialisms, up) {
			b.WriteString(up)
		} else {
			b.WriteString(strings.ToUpper(w[:1]) + w[1:])
		}
	}
	out := b.String()
	if out[0] >= '0' && out[0] <= '9' {
		return "X" + out
	}
	return out
}

// lowerName makes a name that begins with a small letter.
func lowerName(name string) string {
	all := words(name)
	first := strings.ToLower(all[0])
	if first[0] >= '0' && first[0] <= '9' {
		first = "x" + first
	}
	rest := strings.Join(all[1:], "_")
	if rest == "" {
		return first
	}
	if rest[0] >= '0' && rest[0] <= '9' {
		return first + "_" + rest
	}
	return first + goName(rest)
}

// camelName is lowerName as JavaScript has it, without initialisms in capitals.
func camelName(name string) string {
	all := words(name)
	out := strings.ToLower(all[0])
	for _, w := range all[1:] {
		out += strings.ToUpper(w[:1]) + strings.ToLower(w[1:])
	}
	if out[0] >= '0' && out[0] <= '9' {
		out = "x" + out
	}
	return out
}

// A scope holds names that are taken.
type scope map[string]bool

func newScope(taken ...string) scope {
	s := scope{}
	for _, t := range taken {
		s[t] = true
	}
	return s
}

// pick takes the first of the names that is free, or else the last with a number.
func (s scope) pick(names ...string) string {
	for _, n := range names {
		if !s[n] {
			s[n] = true
			return n
		}
	}
	last := names[len(names)-1]
	for i := 2; ; i++ {
		if n := last + strconv.Itoa(i); !s[n] {
			s[n] = true
			return n
		}
	}
}

// packageName makes the name of the Go package, and of the other files.
func packageName(class string) string {
	name := strings.ToLower(strings.ReplaceAll(class, "_", ""))
	if name[0] >= '0' && name[0] <= '9' || token.IsKeyword(name) || name == "main" || name == "internal" || name == "vendor" {
		return "sig" + name
	}
	return name
}
