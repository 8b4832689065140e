// SPDX-License-Identifier: GPL-2.0-only
//
// go_peer.go: both ends of HTTPS by Go's crypto/tls, as selftests/https.c is by tlsock: many
// connections in one process. All that Go has is on; the other end picks.
//
//	go_peer serve FILE PKI {PORT KIND HOW}...
//	go_peer get FOLDER PKI {PORT VERSION HOW}...
//
// PKI has <kind>.pem, <kind>.key and ca.pem. HOW is "plain", "mutual" or, of a client, "resume": once
// more with the session of the first time, or it fails. What get gets goes to FOLDER/got.PORT. It
// must never go on without a verified peer.
package main

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
)

var suites = []uint16{
	tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
	tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
	tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
}

func die(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func pair(pki, kind string) []tls.Certificate {
	cert, err := tls.LoadX509KeyPair(pki+"/"+kind+".pem", pki+"/"+kind+".key")
	die(err)
	return []tls.Certificate{cert}
}

func authorities(pki string) *x509.CertPool {
	pem, err := os.ReadFile(pki + "/ca.pem")
	die(err)
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		die(errors.New("no certificate of an authority"))
	}
	return pool
}

func answer(conn net.Conn, body []byte) error {
	defer conn.Close()
	in := bufio.NewReader(conn)
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return err
		}
		if line == "\r\n" {
			break
		}
	}
	_, err := conn.Write(append([]byte("HTTP/1.0 200 OK\r\n\r\n"), body...))
	return err
}

func listen(port, kind, how, pki string, body []byte) {
	config := &tls.Config{Certificates: pair(pki, kind), CipherSuites: suites, MinVersion: tls.VersionTLS12}
	if how == "mutual" {
		config.ClientAuth = tls.RequireAndVerifyClientCert
		config.ClientCAs = authorities(pki)
	}
	listener, err := tls.Listen("tcp", "127.0.0.1:"+port, config)
	die(err)
	go func() {
		for {
			conn, err := listener.Accept()
			die(err)
			if err = answer(conn, body); err != nil {
				fmt.Fprintln(os.Stderr, kind, err)
			}
		}
	}()
}

func fetch(port string, config *tls.Config) ([]byte, bool, error) {
	conn, err := tls.Dial("tcp", "127.0.0.1:"+port, config)
	if err != nil {
		return nil, false, err
	}
	defer conn.Close()
	if _, err = io.WriteString(conn, "GET /small HTTP/1.0\r\n\r\n"); err != nil {
		return nil, false, err
	}
	body, err := io.ReadAll(conn)
	return body, conn.ConnectionState().DidResume, err
}

func get(folder, port, version, how, pki string) error {
	config := &tls.Config{RootCAs: authorities(pki), ServerName: "good.test", CipherSuites: suites,
		MinVersion: tls.VersionTLS12, MaxVersion: tls.VersionTLS12,
		ClientSessionCache: tls.NewLRUClientSessionCache(4)}
	if version == "1.3" {
		config.MinVersion, config.MaxVersion = tls.VersionTLS13, tls.VersionTLS13
	}
	if how == "mutual" {
		config.Certificates = pair(pki, "rsa")
	}
	body, resumed, err := fetch(port, config)
	if err == nil && how == "resume" {
		body, resumed, err = fetch(port, config)
		if err == nil && !resumed {
			err = errors.New("not resumed")
		}
	}
	if err != nil {
		return err
	}
	return os.WriteFile(folder+"/got."+port, body, 0o644)
}

func main() {
	bad := 0
	if len(os.Args) < 7 || (len(os.Args)-4)%3 != 0 {
		die(errors.New("usage: go_peer serve|get file-or-folder pki {port kind|version how}..."))
	}
	where, pki, words := os.Args[2], os.Args[3], os.Args[4:]
	for ; len(words) > 0; words = words[3:] {
		if os.Args[1] == "serve" {
			body, err := os.ReadFile(where)
			die(err)
			listen(words[0], words[1], words[2], pki, body)
		} else if err := get(where, words[0], words[1], words[2], pki); err != nil {
			fmt.Fprintln(os.Stderr, words[0], err)
			bad = 1
		}
	}
	if os.Args[1] == "serve" {
		select {}
	}
	os.Exit(bad)
}
