import BatonShared
import BatonTelemetry
import BatonTestSupport
import Foundation
import Testing

@testable import BatonCoordinator

/// The file of tokens, read anew while the coordinator runs.
@Suite struct ReloadTests {
  @Test func tokensAreAddedAndTakenAwayWithoutAPause() throws {
    let file = try TokenFile()
    defer { file.remove() }
    let access = try AccessControl(path: file.path)
    let next = Access.make(role: .work, name: "next")
    func role(_ token: String) -> Access.Role? { access.current.role(authorization: "Bearer \(token)") }

    // Rotation: the new one is let in beside the old one, and then the old one no more.
    try file.write([file.line(.work), next.line])
    try access.reload()
    #expect(role(file[.work]) == .work && role(next.token) == .work && role(file[.admin]) == nil)
    try file.write([next.line])
    try access.reload()
    #expect(role(file[.work]) == nil && role(next.token) == .work)
    #expect(access.current.summary == "submit 0, work 1, admin 0")
  }

  @Test func aBadFileIsRefusedAndChangesNothing() throws {
    let file = try TokenFile()
    defer { file.remove() }
    let access = try AccessControl(path: file.path)
    func isAsBefore() -> Bool {
      Access.Role.allCases.allSatisfy { access.current.role(authorization: "Bearer \(file[$0])") == $0 }
    }
    for bad in [
      [], ["# nobody"], ["work x \(file[.work])"], [file.line(.work), "nonsense"],
      ["submit again \(file.line(.work).suffix(64))", file.line(.work)],
    ] {
      try file.write(bad)
      let error = #expect(throws: AccessFileError.self) { try access.reload() }
      #expect(error?.description.contains(file[.work]) == false, "it may hold a token that somebody put there")
      #expect(isAsBefore())
    }
    try file.write([file.line(.admin)], permissions: 0o602)
    let error = #expect(throws: AccessFileError.self) { try access.reload() }
    #expect(error?.description.contains("chmod") == true)
    #expect(isAsBefore())
    file.remove()
    #expect(throws: AccessFileError.self) { try access.reload() }
    #expect(isAsBefore())
  }

  @Test func othersMayReadHashesButNotAKey() throws {
    let path = NSTemporaryDirectory() + "baton-guarded-\(UUID().uuidString)"
    try "x".write(toFile: path, atomically: true, encoding: .utf8)
    defer { try? FileManager.default.removeItem(atPath: path) }
    let hashes = GuardedFile(setting: "A", path: path, guarded: .againstWriting)
    let key = GuardedFile(setting: "B", path: path, guarded: .againstReading)
    for (mode, hashesAreFine, keyIsFine) in [
      (0o600, true, true), (0o640, true, true), (0o644, true, false), (0o660, true, true), (0o666, false, false),
      (0o602, false, false),
    ] {
      try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
      #expect(((try? hashes.read()) != nil) == hashesAreFine, "\(String(mode, radix: 8))")
      #expect(((try? key.read()) != nil) == keyIsFine, "\(String(mode, radix: 8))")
    }
  }

  @Test func aCertificateWithoutItsKeyIsNoSetting() {
    for (given, missing) in [
      ("TLS_CERTIFICATE_FILE", "TLS_KEY_FILE"), ("TLS_KEY_FILE", "TLS_CERTIFICATE_FILE"),
    ] {
      let error = #expect(throws: SettingsError.self) {
        try CoordinatorConfiguration(settings: SettingsReader(environment: [given: "/x"]))
      }
      #expect(error?.description.contains(missing) == true)
    }
  }
}
