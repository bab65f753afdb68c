package accounts

import (
	"crypto/rand"
	"math/big"
)

// The characters of random passwords, by class: without those that look alike on a
// console (0 O, 1 l I) and those that a shell or a keyboard layout makes hard to type.
const (
	lowerCase   = "abcdefghijkmnpqrstuvwxyz"
	upperCase   = "ABCDEFGHJKLMNPQRSTUVWXYZ"
	digits      = "23456789"
	punctuation = "+-.,_=%@"
)

// randomPasswordLength is cloud-init's.
const randomPasswordLength = 20

// RandomPassword makes a password that has a character of each class, since
// password policies ask for that.
func RandomPassword() (string, error) {
	classes := []string{lowerCase, upperCase, digits, punctuation}
	all := lowerCase + upperCase + digits + punctuation
	password := make([]byte, randomPasswordLength)
	for i := range password {
		from := all
		if i < len(classes) {
			from = classes[i]
		}
		n, err := randomBelow(len(from))
		if err != nil {
			return "", err
		}
		password[i] = from[n]
	}
	for i := len(password) - 1; i > 0; i-- { // Fisher and Yates
		j, err := randomBelow(i + 1)
		if err != nil {
			return "", err
		}
		password[i], password[j] = password[j], password[i]
	}
	return string(password), nil
}

func randomBelow(n int) (int, error) {
	i, err := rand.Int(rand.Reader, big.NewInt(int64(n)))
	if err != nil {
		return 0, err
	}
	return int(i.Int64()), nil
}
