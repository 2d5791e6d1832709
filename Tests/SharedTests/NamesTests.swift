import BatonShared
import Testing

@Suite struct NamesTests {
  @Test(arguments: ["a", "A", "0", "_", "default", "a.b-c_d:e", "9lives", String(repeating: "x", count: 128)])
  func aPlainNameIsValid(name: String) {
    #expect(Names.isValid(name))
  }

  @Test(arguments: [
    "", "-a", ".a", ":a", "a b", "a/b", "a,b", "a\n", "\n", "é", "a\u{301}", "a\0", "ａ", "a%20", "*",
    String(repeating: "x", count: 129),
  ])
  func anythingElseIsNot(name: String) {
    #expect(!Names.isValid(name))
  }

  @Test func aPrefixIsCutBetweenCharacters() {
    #expect("abc".prefix(utf8Bytes: 3) == "abc")
    #expect("abc".prefix(utf8Bytes: 2) == "ab")
    #expect("a€".prefix(utf8Bytes: 3) == "a")
    #expect("€".prefix(utf8Bytes: 1) == "")
    #expect("😀😀".prefix(utf8Bytes: 7) == "😀")
    #expect("".prefix(utf8Bytes: 0) == "")
  }
}
