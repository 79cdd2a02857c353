// Package fleethealth judges a fleet by the reports of its hosts: which are
// healthy, which fail a probe, which say nothing, which no longer have what a
// rollout installed, and which ask for upgrades or a reboot.
//
// It is pure: whoever calls brings the reports, from agents or over SSH, and the
// time. Reports have been through health.Decode or were made here, so that their
// texts can be shown as they are.
package fleethealth
