package auth

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"slices"
	"strings"
	"sync"

	"github.com/sigrouter/sigrouter/carrier"
	"github.com/sigrouter/sigrouter/sig"
)

// A File is who may log in and what they may do, as one text says; see the package's
// comment. It is an Authenticator and a Renewer. It never changes: to change who may do
// what, load another and hand it to the router.
type File struct {
	tokens    []token
	proved    map[proof][]string // roles
	anonymous []string           // roles
	unknown   bool               // there is a line for anonymous
	rules     []fileRule

	mu     sync.Mutex
	rights map[string]*Rights // by name and roles
}

type token struct {
	name  string
	hash  [sha256.Size]byte
	roles []string
}

// A fileRule is a rule of a role; role * is everybody.
type fileRule struct {
	Rule
	role string
	line int
}

// A proof is how a client showed who it is: Identity.Proof of the identities of a File.
// Hash is of its token; without one, by is the word of the line that let it in.
type proof struct {
	by   string // "token", "certificate", "user" or "anonymous"
	name string // as on a line of its own
	hash [sha256.Size]byte
}

// Words of the lines that say who somebody is.
const (
	byToken       = "token"
	byCertificate = "certificate"
	byUser        = "user"
	byNothing     = "anonymous"
)

// errLogin is for those who show nothing that is known. It does not say what is wrong.
var errLogin = sig.Errorf(sig.ErrRefused, "no such token, and no line for what the carrier knows")

// Authenticate finds the line for what a client shows. A token that is not known is not
// made up for by anything else.
func (f *File) Authenticate(_ context.Context, shown string, info carrier.Info) (Identity, error) {
	if shown != "" {
		return f.byToken(sha256.Sum256([]byte(shown)))
	}
	if info.Identity != "" {
		p := carrierProof(info)
		if roles, ok := f.byCarrier(p); ok {
			return f.identity(info.Identity, roles, p), nil
		}
	}
	if f.unknown {
		return f.identity("", f.anonymous, proof{by: byNothing}), nil
	}
	return Identity{}, errLogin
}

// byToken looks at every token, and at all of each, so that the time it takes says
// nothing of how near a guess came.
func (f *File) byToken(hash [sha256.Size]byte) (Identity, error) {
	found := -1
	for i := range f.tokens {
		same := subtle.ConstantTimeCompare(f.tokens[i].hash[:], hash[:])
		found = subtle.ConstantTimeSelect(same, i, found)
	}
	if found < 0 {
		return Identity{}, errLogin
	}
	t := &f.tokens[found]
	return f.identity(t.name, t.roles, proof{by: byToken, name: t.name, hash: hash}), nil
}

// carrierProof returns what a carrier has proved, as it stands on a line.
func carrierProof(info carrier.Info) proof {
	if info.Carrier == "unix" {
		return proof{by: byUser, name: strings.TrimPrefix(info.Identity, "uid:")}
	}
	return proof{by: byCertificate, name: info.Identity}
}

// byCarrier finds the line for what a carrier has proved, or else that for all of its
// kind.
func (f *File) byCarrier(p proof) (roles []string, ok bool) {
	if roles, ok = f.proved[p]; !ok {
		roles, ok = f.proved[proof{by: p.by, name: "*"}]
	}
	return roles, ok
}

// Renew looks whether the line that let somebody in is still there.
func (f *File) Renew(_ context.Context, id Identity) (Identity, error) {
	p, _ := id.Proof.(proof)
	switch p.by {
	case byToken:
		return f.byToken(p.hash)
	case byCertificate, byUser:
		if roles, ok := f.byCarrier(p); ok {
			return f.identity(id.Name, roles, p), nil
		}
	case byNothing:
		if f.unknown {
			return f.identity("", f.anonymous, p), nil
		}
	}
	return Identity{}, errLogin
}

func (f *File) identity(name string, roles []string, p proof) Identity {
	return Identity{Name: name, Rights: f.rightsOf(name, roles), Proof: p}
}

// maxRights bounds the rights a File remembers: with {name} everybody has their own.
const maxRights = 4096

// rightsOf returns what somebody of that name may do in these roles. Who has the same
// rights gets the same Rights, so that they can be compared by address.
func (f *File) rightsOf(name string, roles []string) *Rights {
	if len(f.rules) == 0 {
		return nil
	}
	var key strings.Builder
	r := &Rights{}
	for _, rule := range f.rules {
		if rule.role != "*" && !slices.Contains(roles, rule.role) {
			continue
		}
		key.WriteString(rule.role)
		key.WriteByte('\n')
		if rule.personal() {
			key.WriteString(name)
			key.WriteByte('\n')
			if !rule.fill(name) {
				continue
			}
		}
		r.add(rule.Rule)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if same, ok := f.rights[key.String()]; ok {
		return same
	}
	if len(f.rights) >= maxRights {
		clear(f.rights)
	}
	f.rights[key.String()] = r
	return r
}

// ownName stands for the client's own name in the patterns of a rule.
const ownName = "{name}"

func (r *fileRule) personal() bool {
	return strings.Contains(r.Sender, ownName) || strings.Contains(r.Name, ownName)
}

// fill puts the client's name in. A name that could be taken for a pattern, or is none,
// must not widen what is allowed: then a rule that allows does not apply (false), and
// one that denies applies to everything.
func (r *fileRule) fill(name string) bool {
	fill := func(pattern string) (string, bool) {
		if !strings.Contains(pattern, ownName) {
			return pattern, true
		}
		filled := strings.ReplaceAll(pattern, ownName, name)
		ok := sig.CheckName("identity", name) == nil && sig.CheckPattern("", filled) == nil
		if !ok {
			filled = sig.Any
		}
		return filled, ok || r.Deny
	}
	var okSender, okName bool
	r.Sender, okSender = fill(r.Sender)
	r.Name, okName = fill(r.Name)
	return okSender && okName
}

// Names returns the names that tokens of the file have, each once and sorted.
func (f *File) Names() []string {
	names := make([]string, 0, len(f.tokens))
	for _, t := range f.tokens {
		names = append(names, t.name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}
