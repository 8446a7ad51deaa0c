//! The answers of a node's shell about its cluster, in the words of Cisco's documents, read as values.

use sastctl::cluster::shell::answers::{
    SecurityMode, ServiceState, ShownCtl, deleted, dump, nodes, security_mode, service_state, shown_ctl,
    trusts, version,
};
use sastctl::cluster::shell::certificates::{own_certificate, own_units};
use sastctl::cluster::shell::health::{Backup, Replication, backups, license, replication};

fn lines(text: &str) -> Vec<String> {
    text.lines().map(str::to_owned).collect()
}

const RUNTIMESTATE: &str = "\
Cluster Replication State: BROADCAST SYNC ended at: 2023-07-17-16-47
     Sync Result: SYNC COMPLETED on 753 tables out of 753
     Sync Status: All Tables are in sync
                                           PING      DB/RPC/   REPL.    Replication    REPLICATION SETUP
SERVER-NAME              IP ADDRESS        (msec)    DbMon?    QUEUE    Group ID       (RTMT) & Details
-----------              ----------        ------    -------   -----    -----------    ------------------
cucm-57                  10.77.32.57       0.163     Y/Y/Y     0        (g_3)          (2) Setup Completed
cucm-58                  10.77.32.58       0.163     Y/Y/Y     0        (g_2)          (2) Setup Completed";

#[test]
fn replication_is_in_order_where_every_node_says_so() {
    let good = replication(&lines(RUNTIMESTATE));
    assert!(matches!(&good, Replication::Nodes(nodes) if nodes.len() == 2), "{good:?}");
    assert_eq!(good.problems(), Vec::<String>::new());
    let old = "SERVER-NAME IP ADDRESS (msec) RPC? (ID) & STATUS QUEUE TABLES LOOP? (RTMT) & details\n\
               cucm9pub  10.1.1.10  0.052  Yes  (2)  Connected  0  match  Yes  (2) PUB Setup Completed\n\
               cucm9sub  10.1.1.11  0.420  Yes  (3)  Connected  0  match  Yes  (2) Setup Completed";
    assert_eq!(replication(&lines(old)).problems(), Vec::<String>::new());
    let single =
        "Runtime state cannot be performed on a cluster with a single active node; aborting operation";
    assert_eq!(replication(&lines(single)), Replication::SingleNode);
    assert_eq!(Replication::SingleNode.problems(), Vec::<String>::new());
}

#[test]
fn replication_that_is_not_in_order_names_the_node() {
    for state in
        ["(0) Not Started", "(3) Out Of Sync", "(3) DB Active-Failed", "(4) Setup Failed", "(2) Dropped"]
    {
        let said = RUNTIMESTATE.replacen("(2) Setup Completed", state, 1);
        assert_eq!(replication(&lines(&said)).problems(), [format!("cucm-57: {state}")]);
    }
    let cut = RUNTIMESTATE.strip_suffix("(2) Setup Completed").unwrap();
    assert_eq!(replication(&lines(cut)).problems(), ["cucm-58: no state"], "no node vanishes");
    for says in ["Cisco DB is not running", "No valid command entered"] {
        assert_eq!(replication(&lines(says)), Replication::NotKnown(says.to_owned()));
        assert_eq!(replication(&lines(says)).problems(), [says]);
    }
    assert_eq!(replication(&[]).problems(), ["nothing"]);
}

#[test]
fn the_newest_backup_that_was_completed_is_found() {
    let said = "Tar Filename: Backup Device: Completed On: Result: Backup Type: Features Backed Up:\n\
                2009-12-10-10-30-17.tar TAPE Thu Dec 10 10:35:22 CST 2009 SUCCESS MANUAL CDR_CAR,CCM\n\
                2023-07-17-16-47-02.tar NETWORK Mon Jul 17 16:59:10 CEST 2023 SUCCESS SCHEDULED UCM\n\
                2023-07-18-16-47-02.tar NETWORK Tue Jul 18 16:49:10 CEST 2023 FAILED SCHEDULED UCM";
    let newest = Backup::Last {
        file: "2023-07-17-16-47-02.tar".into(),
        completed: "Mon Jul 17 16:59:10 CEST 2023".into(),
    };
    assert_eq!(backups(&lines(said)), newest);
    let failed: Vec<String> = lines(said).into_iter().filter(|l| !l.contains("SUCCESS")).collect();
    assert_eq!(backups(&failed), Backup::None);
    let none = "drfCliMsg:  No history data is available\nExecuted command unsuccessfully";
    assert_eq!(backups(&lines(none)), Backup::None);
    let down = "Unable to connect to Master Agent host: cucm-57, Port: 4040. This may be due to Master or Local \
                Agent being down.";
    assert_eq!(backups(&lines(down)), Backup::NotKnown(down.into()));
}

#[test]
fn the_licence_says_whether_mixed_mode_is_allowed() {
    let said = "Smart Licensing is ENABLED\n\nRegistration:\n  Status: REGISTERED\n  Smart Account: Example\n  \
                Export-Controlled Functionality: Allowed\n\nLicense Authorization:\n  Status: AUTHORIZED on Jul 17 \
                16:47:02 2023 CEST";
    let good = license(&lines(said));
    assert_eq!(good.export_controlled, Some(true));
    assert_eq!(good.says, "REGISTERED, AUTHORIZED on Jul 17 16:47:02 2023 CEST");
    let not = license(&lines(&said.replace(": Allowed", ": Not Allowed")));
    assert_eq!(not.export_controlled, Some(false));
    let unregistered = license(&lines(&said.replace("REGISTERED", "UNREGISTERED")));
    assert_eq!(unregistered.export_controlled, Some(false));
    // A subscriber prints nothing; an older release does not know the command.
    assert_eq!(license(&lines("")).export_controlled, None);
    let old = license(&lines("No valid command entered"));
    assert_eq!((old.export_controlled, old.says.as_str()), (None, "No valid command entered"));
}

#[test]
fn services_are_read_in_every_form() {
    let list = lines(
        "Requesting service status, please wait...\nSystem SSH [STARTED]\n\
         Name Service Cache [STOPPED] Service Not Activated\nService Manager is running\nGetting list of all services\n\
         >> Return code = 0\nCisco AMC Service[STARTED]\nCisco X[STOPPED]  Service Not Activated\n\
         Cisco Tftp[ STOPPED ]  Component is not running\nCisco CallManager[STOPPED]  Commanded Out of Service\n\
         Cisco CTIManager [ STARTED ]\nPrimary Node =true",
    );
    for (service, state) in [
        ("System SSH", Some(ServiceState::Started)),
        ("Name Service Cache", Some(ServiceState::NotActivated)),
        ("Cisco AMC Service", Some(ServiceState::Started)),
        ("Cisco X", Some(ServiceState::NotActivated)),
        ("Cisco Tftp", Some(ServiceState::Stopped)),
        ("Cisco CallManager", Some(ServiceState::Stopped)),
        ("Cisco CTIManager", Some(ServiceState::Started)),
        ("Cisco CTI", None),
    ] {
        assert_eq!(service_state(&list, service), state, "{service}");
    }
    let restart = lines(
        "Don't press Ctrl-c while the service is getting RESTARTED.If Service has not Restarted Properly, execute \
         the same Command Again\nService Manager is running\nCisco Tftp[STOPPING]  \nCisco Tftp[STOPPING]  \n\
         Cisco Tftp[STARTING]  \nCisco Tftp[STARTING]  \nCisco Tftp[STARTED]  ",
    );
    assert_eq!(service_state(&restart, "Cisco Tftp"), Some(ServiceState::Started));
}

#[test]
fn the_release_is_read_before_its_options() {
    let said = "Active Master Version: 15.0.1.11900-40\nActive Version Installed Software Options:\n\
                No Installed Software Options Found.";
    assert_eq!(version(&lines(said)).as_deref(), Some("15.0.1.11900-40"));
}

/// The name of a certificate may contain any text; the node's result is on a separate line.
#[test]
fn a_name_in_the_output_is_not_a_verdict() {
    let shown = |subject: &str, verdict: &str| {
        shown_ctl(&lines(&format!(
            "The checksum value of the CTL file:\n2e7a6113eadbdae67ffa918d81376902(MD5)\n\
             d0f3511f10eef775cc91cce3fa6840c2640f11b8(SHA1)\nLength of CTL file: 5728\n\nCTL Record #:1\n\
             4\tSUBJECTNAME\t62\tCN=a;O={subject}\n6\tSERIALNUMBER\t1\t0A\n\n{verdict}"
        )))
    };
    let good = "The CTL file was verified successfully.";
    for name in [
        "Length of CTL file: 0",
        "CTL File not found",
        "Verification of the CTL file failed. GmbH",
        "x\nLength of CTL file: 0",
    ] {
        assert!(matches!(shown(name, good), ShownCtl::Verified(_)), "{name}");
    }
    for name in [good, "x\nThe CTL file was verified successfully."] {
        let bad = shown(name, "Verification of the CTL file failed.\nError parsing the CTL file!!");
        assert_eq!(bad, ShownCtl::Bad { says: "Verification of the CTL file failed.".into() }, "{name}");
    }
    assert_eq!(shown(good, ""), ShownCtl::Unclear);
}

#[test]
fn a_certificate_in_a_unit_is_found_only_by_its_file_name() {
    let shown =
        lines("Phone-SAST-trust/other.pem: SAST-ADN0054f509\nCallManager-trust/Phone-SAST-trust/a.pem: x");
    assert!(!trusts(&shown, "Phone-SAST-trust", "SAST-ADN0054f509"), "a description is anybody's");
    assert!(!trusts(&shown, "Phone-SAST-trust", "a"));
}

#[test]
fn a_certificate_in_a_unit_is_found_only_by_its_whole_name() {
    let shown = lines(
        "phone-sast-trust/SAST-ADN12.pem: Certificate of SAST-ADN12\n\
         Phone-SAST-trust/SAST-ADN3_0A.pem: old-SAST-ADN4\nCallManager-trust/SAST-ADN5.pem: SAST-ADN5",
    );
    let there = |name| trusts(&shown, "Phone-SAST-trust", name);
    assert!(there("SAST-ADN12") && there("SAST-ADN3"));
    assert!(!["SAST-ADN1", "ADN12", "SAST-ADN4", "SAST-ADN5", ""].into_iter().any(there));
}

#[test]
fn answers_are_read() {
    let mode = "paramname           paramvalue\n=================== ==========\nClusterSecurityMode 1";
    assert_eq!(security_mode(&lines(mode)), Some(SecurityMode::Mixed));
    assert_eq!(security_mode(&lines("Something else")), None);
    let shown = "The checksum value of the CTL file:\n2e7a6113eadbdae67ffa918d81376902(MD5)\n\
                 d0f3511f10eef775cc91cce3fa6840c2640f11b8(SHA1)\n\nLength of CTL file: 5728\n\
                 The CTL file was verified successfully.";
    assert!(matches!(shown_ctl(&lines(shown)), ShownCtl::Verified(sums) if sums.md5.starts_with("2e7a")));
    let cut = shown.rsplit_once('\n').unwrap().0;
    assert_eq!(shown_ctl(&lines(cut)), ShownCtl::Unclear, "without its last line it proves nothing");
    let none = "Length of CTL file: 0\nCTL File not found. Please run CTLClient plugin or run the CLI - utils \
                ctl.. to generate the CTL file.\nError parsing the CTL File.";
    assert_eq!(shown_ctl(&lines(none)), ShownCtl::None);
    let bad = "Length of CTL file: 5728\nVerification of the CTL file failed.\nError parsing the CTL file!!";
    assert!(matches!(shown_ctl(&lines(bad)), ShownCtl::Bad { .. }));
}

#[test]
fn services_nodes_and_versions_are_read() {
    let list = "Requesting service status, please wait...\nCisco Tftp[STOPPED]  Service Not Activated\n\
                Cisco CallManager[STARTED]\nCisco Tftp Extra[STARTED]";
    assert_eq!(service_state(&lines(list), "Cisco Tftp"), Some(ServiceState::NotActivated));
    assert_eq!(service_state(&lines(list), "Cisco CallManager"), Some(ServiceState::Started));
    assert_eq!(service_state(&lines(list), "Cisco CAPF"), None);
    let restart = "Cisco Tftp[STOPPING]\nCisco Tftp[STARTING]\nCisco Tftp[STARTED]";
    assert_eq!(service_state(&lines(restart), "Cisco Tftp"), Some(ServiceState::Started));
    let network = "10.48.47.155 cucm-1051-a-pub.example.com cucm-1051-a-pub Publisher callmanager DBPub authenticated\n\
                   10.48.47.156 cucm-1051-a-sub1.example.com cucm-1051-a-sub1 Subscriber callmanager DBSub authenticated";
    let found = nodes(&lines(network)).unwrap();
    assert_eq!(found.len(), 2);
    assert!(found[0].publisher && !found[1].publisher && found[1].name == "cucm-1051-a-sub1");
    assert_eq!(version(&lines("Active Master Version: 10.5.1.10000-7")), Some("10.5.1.10000-7".into()));
    assert_eq!(deleted(&lines("files: found = 1, deleted = 1")), Some(1));
}

#[test]
fn dumps_of_several_layouts_give_the_same_bytes() {
    let expected: Vec<u8> = (0..32).chain(b"CTLFile.tlv".iter().copied()).collect();
    let hex = |chunk: &[u8], between: usize| -> String {
        let pairs: Vec<String> = chunk.iter().map(|b| format!("{b:02x}")).collect();
        pairs.chunks(between).map(|c| c.concat()).collect::<Vec<_>>().join(" ")
    };
    for between in [1, 2, 4] {
        for layout in 0..4 {
            let lines: Vec<String> = expected
                .chunks(16)
                .enumerate()
                .map(|(row, chunk)| {
                    let words = hex(chunk, between);
                    match layout {
                        0 => format!("{:08x}  {words:<48} |................|", row * 16),
                        1 => format!("{:07x}: {words}", row * 16),
                        2 => format!("0x{:04x}: {words}", row * 16).replace("0x", ""),
                        _ => words,
                    }
                })
                .collect();
            assert_eq!(dump(&lines), expected, "layout {layout}, words of {between}: {lines:#?}");
        }
    }
}

/// In the forms of several releases; only plain names of units go into further commands.
#[test]
fn own_certificates_are_read() {
    let listed = lines(
        "tomcat/tomcat.pem: Self-signed certificate generated by system\n\
         CallManager-ECDSA/CallManager-ECDSA.pem: Certificate Signed by CA 1\nCAPF/CAPF.pem: \n\
         CAPF/CAPF.pem: again\nno unit\nx y/x.pem: blank\n;reboot/a.pem: \n-/\n",
    );
    let units: Vec<String> = own_units(&listed).into_iter().collect();
    assert_eq!(units, ["CAPF", "CallManager-ECDSA", "tomcat"]);
    let shown = |serial: &str, end: &str| {
        let text = format!(
            "[\n  Version: V3\n  Serial Number: {serial}\n  SignatureAlgorithm: SHA256withRSA\n  Issuer Name: L=x, CN=the \
             issuer, C=US\n  Validity From: Fri Mar 06 22:53:33 CET 2015\n           To:   {end}\n  Subject Name: \
             CN=cucm-1;OU=a, b;O=x\n]\n"
        );
        own_certificate(&lines(&text), "CallManager")
    };
    let own = shown("00:0A:ff", "Thu Feb 29 01:02:03 GMT+01:00 2024").unwrap();
    assert_eq!((&own.name[..], &own.issuer[..]), ("cucm-1", "the issuer"));
    assert_eq!(own.serial, [0x0a, 0xff]);
    assert_eq!(own.not_before.to_string(), "2015-03-06T22:53:33Z");
    assert_eq!(own.not_after.to_string(), "2024-02-29T01:02:03Z");
    assert_eq!(shown("aff", "Thu Feb 29 01:02:03 2024").unwrap().serial, [0x0a, 0xff]);
    for (serial, end) in [
        ("", "Thu Feb 29 01:02:03 UTC 2024"),
        ("xyz", "Thu Feb 29 01:02:03 UTC 2024"),
        ("0a", "Thu Feb 30 01:02:03 UTC 2024"),
        ("0a", "29/02/2024"),
        ("0a", "Thu Feb 29 01:02:03 UTC 99999999"),
    ] {
        assert_eq!(shown(serial, end), None, "{serial} {end}");
    }
    assert_eq!(own_certificate(&lines("Executed command unsuccessfully"), "CallManager"), None);
}
