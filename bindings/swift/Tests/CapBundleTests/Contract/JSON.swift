import Foundation

/// A JSON value whose texts are compared byte by byte: Swift's own comparison takes `é` and `e´` for one name, and a file
/// system need not.
enum JSON: Decodable, Equatable, CustomStringConvertible {
    case null
    case flag(Bool)
    case number(Int64)
    case text(String)
    case list([JSON])
    case object([String: JSON])

    init(from decoder: any Decoder) throws {
        let value = try decoder.singleValueContainer()
        if value.decodeNil() {
            self = .null
        } else if let flag = try? value.decode(Bool.self) {
            self = .flag(flag)
        } else if let number = try? value.decode(Int64.self) {
            self = .number(number)
        } else if let text = try? value.decode(String.self) {
            self = .text(text)
        } else if let list = try? value.decode([JSON].self) {
            self = .list(list)
        } else {
            self = .object(try value.decode([String: JSON].self))
        }
    }

    /// A text or nothing.
    init(_ text: String?) {
        self = text.map(JSON.text) ?? .null
    }

    /// Texts in the order of their bytes.
    static func sorted(_ texts: [String]) -> JSON {
        .list(texts.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }.map(JSON.text))
    }

    static func == (one: JSON, other: JSON) -> Bool {
        switch (one, other) {
        case (.null, .null): true
        case let (.flag(one), .flag(other)): one == other
        case let (.number(one), .number(other)): one == other
        case let (.text(one), .text(other)): one.utf8.elementsEqual(other.utf8)
        case let (.list(one), .list(other)): one == other
        case let (.object(one), .object(other)): one == other
        default: false
        }
    }

    /// Whether `found` is what is expected here: of an object only the members that are named are compared.
    func agrees(with found: JSON) -> Bool {
        switch (self, found) {
        case let (.object(expected), .object(found)):
            expected.allSatisfy { key, value in found[key].map(value.agrees) ?? false }
        case let (.list(expected), .list(found)):
            expected.count == found.count && zip(expected, found).allSatisfy { $0.agrees(with: $1) }
        default:
            self == found
        }
    }

    var description: String {
        switch self {
        case .null: "null"
        case let .flag(flag): "\(flag)"
        case let .number(number): "\(number)"
        case let .text(text): "\"\(text)\""
        case let .list(list): "[\(list.map(\.description).joined(separator: ", "))]"
        case let .object(members):
            "{\(members.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }.joined(separator: ", "))}"
        }
    }
}

/// A case that is not written as the README says.
struct InvalidCase: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) {
        self.description = description
    }
}

/// The arguments of a step; one that no operation asked for is a mistake in the case.
final class Arguments {
    private let step: [String: JSON]
    private var used: Set<String> = ["do", "expect", "error", "reason", "why"]

    init(_ step: JSON) throws {
        guard case let .object(members) = step else { throw InvalidCase("a step is an object") }
        self.step = members
    }

    var operation: String {
        get throws {
            guard case let .text(name) = step["do"] else { throw InvalidCase("do is missing") }
            return name
        }
    }

    var expected: JSON? { step["expect"] }

    var error: JSON? { step["error"] }

    /// What the message of that error must hold.
    var reason: String {
        guard case let .text(reason)? = step["reason"] else { return "" }
        return "(\(reason))"
    }

    func value(_ key: String) -> JSON? {
        used.insert(key)
        return step[key]
    }

    func text(_ key: String) throws -> String {
        guard let text = try optional(key) else { throw InvalidCase("\(key) is missing") }
        return text
    }

    func optional(_ key: String) throws -> String? {
        switch value(key) {
        case nil: return nil
        case let .text(text): return text
        default: throw InvalidCase("\(key) is no text")
        }
    }

    func number(_ key: String) throws -> Int64? {
        switch value(key) {
        case nil: return nil
        case let .number(number): return number
        default: throw InvalidCase("\(key) is no number")
        }
    }

    func flag(_ key: String) throws -> Bool? {
        switch value(key) {
        case nil: return nil
        case let .flag(flag): return flag
        default: throw InvalidCase("\(key) is neither true nor false")
        }
    }

    func list(_ key: String) throws -> [JSON]? {
        switch value(key) {
        case nil: return nil
        case let .list(list): return list
        default: throw InvalidCase("\(key) is no list")
        }
    }

    func requireAllUsed() throws {
        let unknown = Set(step.keys).subtracting(used)
        guard unknown.isEmpty else { throw InvalidCase("\(unknown.sorted()) means nothing here") }
    }
}
