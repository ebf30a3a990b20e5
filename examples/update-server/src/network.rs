//! The networks that count as one client or one site.

use std::net::{IpAddr, Ipv6Addr};

/// The network that counts as one client: an IPv4 address, or an IPv6 /64, which is the least that a client is assigned.
pub(crate) fn of_client(address: IpAddr) -> IpAddr {
    masked(address, 64)
}

/// The network that counts as one site: an IPv4 address, or an IPv6 /48, which is the most that a site is usually assigned.
pub(crate) fn of_site(address: IpAddr) -> IpAddr {
    masked(address, 48)
}

fn masked(address: IpAddr, prefix: u32) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let host = 128 - prefix;
            IpAddr::V6(Ipv6Addr::from(u128::from(address) >> host << host))
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn all_addresses_of_a_network_are_one_client() {
        let of = |text: &str| of_client(address(text)).to_string();
        assert_eq!(of("2001:db8:1:2:aaaa::1"), of("2001:db8:1:2:bbbb::2"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
        assert_eq!(of("::ffff:192.0.2.1"), "192.0.2.1");
        let site = |text: &str| of_site(address(text)).to_string();
        assert_eq!(site("2001:db8:1:2::1"), site("2001:db8:1:3::1"));
        assert_ne!(site("2001:db8:1:2::1"), site("2001:db8:2:2::1"));
        assert_eq!(site("192.0.2.1"), "192.0.2.1");
    }
}
