package userdata_test

import (
	"bytes"
	"fmt"
	"testing"

	"cloudseed/secret"
	"cloudseed/userdata"

	"github.com/google/go-cmp/cmp"
)

func TestPartsForAnotherLaunchIndexAreLeftOut(t *testing.T) {
	t.Parallel()
	data := "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=XX\n\n" +
		"--XX\nLaunch-Index: 0\n\n#cloud-config\na: 0\n--XX\nLaunch-Index: 1\n\n#cloud-config\na: 1\n--XX--\n"
	r := userdata.Process(t.Context(), "user-data", []byte(data), userdata.Options{LaunchIndex: "0"})
	if got := r.CloudConfig.PyStr(); got != "{'a': 0}" {
		t.Errorf("got %s", got)
	}
}

func TestALaunchIndexMayStandInTheCloudConfig(t *testing.T) {
	t.Parallel()
	data := multipart("\n#cloud-config\nlaunch-index: 7\na: 7", "\n#cloud-config\nb: 1", "Launch-Index: 0\n\n#!/bin/sh\n")
	r := userdata.Process(t.Context(), "user-data", []byte(data), userdata.Options{LaunchIndex: "0"})
	if got := r.CloudConfig.PyStr(); got != "{'b': 1}" || len(r.Scripts) != 1 || r.Scripts[0].Name != "part-003" {
		t.Errorf("got %s, %v", got, show(r.Scripts))
	}
}

func TestPiecesOfVendorDataAreNumberedThrough(t *testing.T) {
	t.Parallel()
	r := userdata.ProcessList(t.Context(), "vendor-data", []secret.Bytes{
		secret.NewBytes([]byte("#!/bin/sh\n1")), secret.NewBytes([]byte("#!/bin/sh\n2")),
		secret.NewBytes([]byte("#cloud-config\nl: [1]")), secret.NewBytes([]byte("#cloud-config\nmerge_how: dict(recurse_array)+list(append)\nl: [2]")),
		secret.NewBytes([]byte("nothing")),
	}, userdata.Options{})
	if len(r.Problems) != 1 || r.Problems[0].Pos.String() != "vendor-data item 5:1:1" {
		t.Errorf("problems are %v", r.Problems)
	}
	if len(r.Scripts) != 2 || r.Scripts[1].Name != "part-002" || r.CloudConfig.PyStr() != "{'l': [1, 2]}" {
		t.Errorf("got %v, %s", show(r.Scripts), r.CloudConfig.PyStr())
	}
}

// What is kept as user-data.txt.i reads back as the same parts, and is the same at
// every boot.
func TestTheMessageOfAllPartsReadsBack(t *testing.T) {
	t.Parallel()
	data := multipart("\n#cloud-config\na: 1", "Content-Disposition: attachment; filename=\"b c.sh\"\n\n#!/bin/sh\necho \xc3\xa9\n", "Merge-Type: list(append)\nLaunch-Index: 3\n\n#cloud-boothook\nx")
	once := userdata.Process(t.Context(), "user-data", []byte(data), userdata.Options{})
	again := userdata.Process(t.Context(), "user-data", once.MIME(), userdata.Options{})
	if diff := cmp.Diff(string(once.MIME()), string(again.MIME())); diff != "" || len(again.Parts) != 3 {
		t.Errorf("differs (-once +again):\n%s", diff)
	}
	for i, part := range once.Parts {
		if other := again.Parts[i]; !bytes.Equal(part.Content.Reveal(), other.Content.Reveal()) || part.Filename != other.Filename || part.Type != other.Type {
			t.Errorf("part %d is %q of type %s, was %q of type %s", i, other.Filename, other.Type, part.Filename, part.Type)
		}
	}
}

func TestPartsSayWhatBecameOfThem(t *testing.T) {
	t.Parallel()
	r := userdata.Process(t.Context(), "user-data", []byte(message), userdata.Options{})
	var got []string
	for _, part := range r.Parts {
		got = append(got, fmt.Sprintf("%s %s %s", part.Type, part.Filename, part.Handler))
	}
	want := []string{
		"text/cloud-config part-001 cloud-config", "text/x-shellscript ../run me!.sh script",
		"text/cloud-config part-003 cloud-config", "text/x-shellscript-per-boot part-004 script",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("differs (-want +got):\n%s", diff)
	}
}

func TestCloudConfigTextIsAsCloudInitKeepsIt(t *testing.T) {
	t.Parallel()
	r := userdata.Process(t.Context(), "user-data", []byte("#cloud-config\nb: [x]\na: 1\n"), userdata.Options{})
	want := "#cloud-config\n\n# from 1 files\n# part-001\n\n---\na: 1\nb:\n- x\n...\n"
	if diff := cmp.Diff(want, string(r.CloudConfigText())); diff != "" {
		t.Errorf("differs (-want +got):\n%s", diff)
	}
}

// A part's launch index is that of its header, or else of its key, as Python reads a
// number. What is no number is nobody's in a header, and everybody's in a key.
func TestPartsForOtherMachinesAreKeptAndNotHandled(t *testing.T) {
	t.Parallel()
	for index, want := range map[string]bool{
		"Launch-Index: 8\n\na: 1": true, "Launch-Index:  8 \n\na: 1": true, "Launch-Index: 9\n\na: 1": false,
		"Launch-Index: eight\n\na: 1": false, "Launch-Index: 9\n\na: 1\nlaunch-index: 8": false, "\na: 1\nlaunch-index: 8": true,
		"\na: 1\nlaunch-index: '8'": true, "\na: 1\nlaunch-index: 010": true, "\na: 1\nlaunch-index: 8.9": true,
		"\na: 1\nlaunch-index: 9": false, "\na: 1\nlaunch-index: yes": false, "\na: 1\nlaunch-index: eight": true, "\na: 1": true,
	} {
		data := multipart("Content-Type: text/cloud-config\n" + index)
		r := userdata.Process(t.Context(), "user-data", []byte(data), userdata.Options{LaunchIndex: "8"})
		if got := r.CloudConfig != nil; got != want || len(r.Parts) != 1 {
			t.Errorf("%q: is it this machine's: %t, %d parts", index, got, len(r.Parts))
		}
	}
}

func TestIdleDataAndTypesThatAreLeftOutKeepTheirParts(t *testing.T) {
	t.Parallel()
	data := multipart("\n#cloud-config\na: 1", "\n#!/bin/sh", "\n#cloud-boothook\nx")
	for name, test := range map[string]struct {
		options userdata.Options
		want    string
	}{
		"idle":     {userdata.Options{Idle: true}, "0 scripts, 0 boothooks, None"},
		"left out": {userdata.Options{LeaveOut: []string{userdata.TypeScript, userdata.TypeCloudConfig}}, "0 scripts, 1 boothooks, None"},
		"neither":  {userdata.Options{}, "1 scripts, 1 boothooks, {'a': 1}"},
	} {
		r := userdata.Process(t.Context(), "user-data", []byte(data), test.options)
		got := fmt.Sprintf("%d scripts, %d boothooks, %s", len(r.Scripts), len(r.Boothooks), r.CloudConfig.PyStr())
		if got != test.want || len(r.Parts) != 3 {
			t.Errorf("%s: got %s, %d parts", name, got, len(r.Parts))
		}
	}
}
