//! A directed graph and its circles.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// The names that each name uses.
#[derive(Debug, Default)]
pub(crate) struct Graph(BTreeMap<String, BTreeSet<String>>);

impl Graph {
    pub(crate) fn add(&mut self, from: &str, to: &str) {
        if from != to {
            self.0.entry(from.to_owned()).or_default().insert(to.to_owned());
        }
    }

    /// The strongly connected components of more than one member, sorted.
    pub(crate) fn circles(&self) -> Vec<Vec<String>> {
        let reached: BTreeMap<&str, BTreeSet<&str>> =
            self.0.keys().map(|from| (&**from, self.reached_from(from))).collect();
        let circles: BTreeSet<Vec<String>> = reached
            .iter()
            .filter(|(from, to)| to.contains(*from))
            .map(|(from, to)| {
                let back = |other: &&&str| reached.get(*other).is_some_and(|others| others.contains(from));
                to.iter().filter(back).map(|&name| name.to_owned()).collect()
            })
            .collect();
        circles.into_iter().collect()
    }

    /// One line for each step of a shortest circle among `members`.
    pub(crate) fn shortest_circle_in(&self, members: &BTreeSet<String>) -> String {
        let circles = members.iter().filter_map(|start| self.shortest_way_back_to(start));
        let shortest = circles.min_by_key(Vec::len).unwrap_or_default();
        let lines = shortest
            .windows(2)
            .map(|step| format!("    {} uses {}\n", step[0], step[1]));
        lines.collect()
    }

    fn reached_from<'a>(&'a self, start: &str) -> BTreeSet<&'a str> {
        let mut reached = BTreeSet::new();
        let mut open: Vec<&str> = self.used_by(start).collect();
        while let Some(name) = open.pop() {
            if reached.insert(name) {
                open.extend(self.used_by(name));
            }
        }
        reached
    }

    fn shortest_way_back_to(&self, start: &str) -> Option<Vec<String>> {
        let mut ways = VecDeque::from([vec![start.to_owned()]]);
        let mut seen = BTreeSet::new();
        while let Some(way) = ways.pop_front() {
            for next in self.used_by(way.last()?) {
                let longer = [way.as_slice(), &[next.to_owned()]].concat();
                if next == start {
                    return Some(longer);
                }
                if seen.insert(next) {
                    ways.push_back(longer);
                }
            }
        }
        None
    }

    fn used_by(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0.get(name).into_iter().flatten().map(String::as_str)
    }
}
