package probe

import (
	"context"
	"fmt"
	"strings"
	"time"

	systemd "github.com/coreos/go-systemd/v22/dbus"
	"github.com/godbus/dbus/v5"
)

// Names on the bus (org.freedesktop.systemd1(5)).
const (
	systemdName   = "org.freedesktop.systemd1"
	systemdPath   = "/org/freedesktop/systemd1"
	unitPaths     = systemdPath + "/unit/"
	propertyNames = "org.freedesktop.DBus.Properties"
)

// dialing bounds the making of a connection: others wait for it meanwhile.
const dialing = 2 * time.Second

// bus is one connection to systemd.
type bus struct {
	conn    *dbus.Conn
	signals chan *dbus.Signal
	matched map[string]string // units that it tells of, by the end of their paths
	done    chan struct{}     // closed when no signal comes any more
}

// dialBus connects, and has systemd tell what changes.
func dialBus(address string) (*bus, error) {
	life, end := context.WithCancel(context.Background())
	late := time.AfterFunc(dialing, end) // closes whatever there is by then
	conn, err := connectBus(address, life)
	if err != nil {
		end()
		return nil, err
	}
	b := &bus{conn: conn, signals: make(chan *dbus.Signal, 64), matched: map[string]string{}, done: make(chan struct{})}
	conn.Signal(b.signals)
	err = conn.Object(systemdName, systemdPath).Call(systemdName+".Manager.Subscribe", 0).Err
	if err == nil && !late.Stop() {
		err = fmt.Errorf("no answer within %v", dialing)
	}
	if err != nil {
		end() // closes the connection
		return nil, err
	}
	return b, nil
}

func connectBus(address string, life context.Context) (*dbus.Conn, error) {
	if address == "" {
		return dbus.ConnectSystemBus(dbus.WithContext(life))
	}
	return dbus.Connect(address, dbus.WithContext(life))
}

// match has systemd tell of a unit.
func (b *bus) match(ctx context.Context, unit string) error {
	return b.conn.AddMatchSignalContext(ctx, dbus.WithMatchSender(systemdName), dbus.WithMatchInterface(propertyNames),
		dbus.WithMatchMember("PropertiesChanged"), dbus.WithMatchObjectPath(pathOf(unit)))
}

// pathOf is the object that a unit is on the bus.
func pathOf(unit string) dbus.ObjectPath {
	return dbus.ObjectPath(unitPaths + systemd.PathBusEscape(unit))
}

// endOf returns what is particular to a unit in the path of its object; "" is no
// unit.
func endOf(path dbus.ObjectPath) string {
	end, _ := strings.CutPrefix(string(path), unitPaths)
	return end
}
