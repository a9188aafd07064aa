package auth

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"strconv"
	"strings"
	"unicode"
)

// tokenMark begins every token, so that people and programs that look for secrets in the
// wrong places know one when they see it.
const tokenMark = "sig_"

// hashMark begins every hash in a file.
const hashMark = "sha256:"

// NewToken makes a token of 256 random bits. Give it to the client and keep the hash.
func NewToken() (token, hash string) {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails
	token = tokenMark + base64.RawURLEncoding.EncodeToString(b[:])
	return token, Hash(token)
}

// Hash returns a token's hash as it stands in a file.
func Hash(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hashMark + hex.EncodeToString(sum[:])
}

// parseHash reads what Hash wrote.
func parseHash(s string) (sum [sha256.Size]byte, ok bool) {
	digits, ok := strings.CutPrefix(s, hashMark)
	if !ok || len(digits) != 2*len(sum) {
		return sum, false
	}
	_, err := hex.Decode(sum[:], []byte(digits))
	return sum, err == nil
}

// TokenLine returns the line of a file for a token with that hash; see the package's
// comment. The error says what is wrong with the name or a role.
func TokenLine(name, hash string, roles ...string) (string, error) {
	words := []string{byToken, word(name), word(hash)}
	for _, r := range roles {
		words = append(words, word(r))
	}
	line := strings.Join(words, "  ")
	if _, err := Parse("", strings.NewReader(line)); err != nil {
		_, text, _ := strings.Cut(err.Error(), ":1: ")
		return "", errors.New(text)
	}
	return line, nil
}

// word writes a word of a file so that split reads it again.
func word(s string) string {
	if s == "" || strings.ContainsFunc(s, unicode.IsSpace) || strings.ContainsAny(s[:1], "\"#") {
		return strconv.Quote(s)
	}
	return s
}
