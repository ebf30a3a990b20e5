//! `NO_PROXY`: hosts that are connected to directly.

use std::net::IpAddr;

use crate::http::url::Url;

/// A list separated by commas or spaces. An entry is `*`, a domain (with or without a leading `.` or `*.`; it includes all names
/// below it), an IP address, or a network such as `10.0.0.0/8`; a domain or address may have a port. curl, Go and Python agree on
/// domains; curl and Go support networks, Go and Python ports.
#[derive(Debug, Clone)]
pub(super) struct Bypass(Vec<Entry>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Entry {
    All,
    Network { address: IpAddr, bits: u8 },
    Address { address: IpAddr, port: Option<u16> },
    Domain { name: String, port: Option<u16> },
}

impl Bypass {
    pub(super) fn new(list: &str) -> Self {
        let entries = list.split(|separator: char| separator == ',' || separator.is_whitespace());
        Self(entries.filter_map(Entry::parse).collect())
    }

    pub(super) fn covers(&self, url: &Url) -> bool {
        let host = url.host().trim_start_matches('[').trim_end_matches(']');
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        self.0.iter().any(|entry| entry.covers(&host, url.port()))
    }
}

impl Entry {
    fn parse(text: &str) -> Option<Self> {
        if text == "*" {
            return Some(Self::All);
        }
        if let Some((address, bits)) = text.split_once('/') {
            let (address, bits): (IpAddr, u8) = (address.parse().ok()?, bits.parse().ok()?);
            let longest = if address.is_ipv4() { 32 } else { 128 };
            return (bits <= longest).then_some(Self::Network { address, bits });
        }
        // An IPv6 address contains colons, and has brackets before a port.
        if let Ok(address) = text.trim_start_matches('[').trim_end_matches(']').parse() {
            return Some(Self::Address { address, port: None });
        }
        let (name, port) = match text.rsplit_once(':') {
            Some((name, port)) => (name, Some(port.parse().ok()?)),
            None => (text, None),
        };
        if let Ok(address) = name.trim_start_matches('[').trim_end_matches(']').parse() {
            return Some(Self::Address { address, port });
        }
        let name = name.strip_prefix('*').unwrap_or(name).trim_matches('.');
        (!name.is_empty()).then(|| Self::Domain {
            name: name.to_ascii_lowercase(),
            port,
        })
    }

    fn covers(&self, host: &str, at: u16) -> bool {
        let is_port = |port: &Option<u16>| port.is_none_or(|port| port == at);
        let ip: Option<IpAddr> = host.parse().ok();
        match self {
            Self::All => true,
            Self::Network { address, bits } => ip.is_some_and(|ip| is_within(ip, *address, *bits)),
            Self::Address { address, port } => ip == Some(*address) && is_port(port),
            // A suffix of an IP address is not a domain.
            Self::Domain { .. } if ip.is_some() => false,
            Self::Domain { name, port } => {
                let before = host.strip_suffix(name.as_str());
                before.is_some_and(|before| before.is_empty() || before.ends_with('.')) && is_port(port)
            }
        }
    }
}

fn is_within(ip: IpAddr, network: IpAddr, bits: u8) -> bool {
    let same = |one: u128, other: u128, length: u32| {
        let ignored = length - u32::from(bits);
        // A shift by the full width would overflow.
        one.checked_shr(ignored).unwrap_or(0) == other.checked_shr(ignored).unwrap_or(0)
    };
    match (ip, network) {
        (IpAddr::V4(ip), IpAddr::V4(network)) => same(ip.to_bits().into(), network.to_bits().into(), 32),
        (IpAddr::V6(ip), IpAddr::V6(network)) => same(ip.to_bits(), network.to_bits(), 128),
        _ => false,
    }
}
