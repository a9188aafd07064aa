package auth

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"strings"
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
