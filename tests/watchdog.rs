//! Calls to a module that do not return are reported.

use std::sync::Mutex;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use sastctl::token::{OnHang, Patience, Watchdog};

/// A watchdog, and the channel for its reports.
fn watched(limit: Duration) -> (Watchdog, Receiver<&'static str>) {
    let (send, told) = channel();
    let send = Mutex::new(send);
    let on_hang: OnHang = Box::new(move |name, _| {
        let _ = send.lock().unwrap().send(name);
    });
    (Watchdog::begin(limit, on_hang), told)
}

#[test]
fn a_hanging_call_is_reported_while_another_thread_continues() {
    let limit = Duration::from_millis(100);
    let (watchdog, told) = watched(limit);
    std::thread::scope(|scope| {
        scope.spawn(|| watchdog.over("C_Sign", Patience::Machine, || std::thread::sleep(limit * 4)));
        scope.spawn(|| {
            let begin = Instant::now();
            while begin.elapsed() < limit * 3 {
                watchdog.over("C_GetInfo", Patience::Machine, || {
                    std::thread::sleep(Duration::from_millis(5));
                });
            }
        });
    });
    assert_eq!(told.try_recv(), Ok("C_Sign"));
}
