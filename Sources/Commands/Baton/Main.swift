import BatonCommandLine

@main
struct Main {
  static func main() async { await Baton.runToExit() }
}
