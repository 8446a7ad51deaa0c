//! USB devices by their ids: they show a token that is inserted but appears in no reader.

use nusb::MaybeFuture as _;
use serde::Serialize;

/// A USB device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[allow(missing_docs, reason = "the names say what each is")]
pub struct UsbDevice {
    pub vendor: u16,
    pub product: u16,
    /// The product's name, as the device gives it.
    pub name: Option<String>,
    /// Bus and address: `003:012`.
    pub place: String,
    /// Whether this user may open it; `None` if not known.
    pub may_open: Option<bool>,
}

/// Why the USB devices could not be listed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("USB devices cannot be listed: {0}")]
pub struct UsbError(pub String);

/// The USB devices of this machine.
pub fn usb_devices() -> Result<Vec<UsbDevice>, UsbError> {
    let devices = nusb::list_devices().wait().map_err(|e| UsbError(e.to_string()))?;
    Ok(devices.map(|device| one(&device)).collect())
}

fn one(device: &nusb::DeviceInfo) -> UsbDevice {
    UsbDevice {
        vendor: device.vendor_id(),
        product: device.product_id(),
        name: device.product_string().map(str::to_owned),
        place: format!("{}:{:03}", device.bus_id(), device.device_address()),
        may_open: may_open(device),
    }
}

#[cfg(target_os = "linux")]
fn may_open(device: &nusb::DeviceInfo) -> Option<bool> {
    let path = format!("/dev/bus/usb/{:03}/{:03}", device.busnum(), device.device_address());
    let wanted = rustix::fs::Access::READ_OK | rustix::fs::Access::WRITE_OK;
    Some(rustix::fs::access(path, wanted).is_ok())
}

#[cfg(not(target_os = "linux"))]
fn may_open(_: &nusb::DeviceInfo) -> Option<bool> {
    None
}
