//! How nodes are named.

use std::path::PathBuf;

use sastctl::cluster::{NodeAddress, SerialAddress, SshAddress};

#[test]
fn nodes_are_hosts_ssh_urls_or_serial_lines() {
    let ssh = |user: Option<&str>, host: &str, port| {
        Ok(NodeAddress::Ssh(SshAddress { user: user.map(str::to_owned), host: host.to_owned(), port }))
    };
    assert_eq!("cucm-pub".parse(), ssh(None, "cucm-pub", 22));
    assert_eq!("ssh://admin@10.1.2.3:2222/".parse(), ssh(Some("admin"), "10.1.2.3", 2222));
    assert_eq!("admin@[::1]:22".parse(), ssh(Some("admin"), "::1", 22));
    let line = |baud| Ok(NodeAddress::Serial(SerialAddress { device: PathBuf::from("/dev/ttyUSB0"), baud }));
    assert_eq!("serial:/dev/ttyUSB0".parse(), line(9600));
    assert_eq!("serial:/dev/ttyUSB0?baud=115200".parse(), line(115_200));
    for wrong in ["", "ssh://", "a b", "host:0", "host:x", "-oProxy", "serial:", "serial:/dev/x?baud=0"] {
        assert!(wrong.parse::<NodeAddress>().is_err(), "{wrong}");
    }
}
