import HTTPClient
import TestSupport
import Testing

@testable import Dispatchers

@Suite struct RetryTests {
    @Test("thirteen attempts over 258,155 seconds")
    func schedule() {
        #expect(RetrySchedule.attemptsMaximum == 13)
        #expect(RetrySchedule.delays.reduce(.zero, +) == .seconds(258_155))
    }

    @Test(
        "the delay behind each attempt lies within 20 % of the schedule",
        arguments: zip(1...12, [5, 30, 120, 600, 1800, 3600, 7200, 14400, 28800, 43200, 72000, 86400]))
    func delay(attempt: Int, seconds: Double) throws {
        var random = SeededGenerator.announced()
        var shortest = Double.infinity
        var longest = 0.0
        for _ in 0..<500 {
            let delay = try #require(RetrySchedule.delay(afterAttempt: attempt, using: &random)).inSeconds
            shortest = min(shortest, delay)
            longest = max(longest, delay)
        }
        #expect(shortest >= seconds * 0.8 && longest <= seconds * 1.2)
        #expect(longest - shortest > seconds * 0.3, "the jitter spreads")
    }

    @Test("nothing follows the thirteenth attempt", arguments: [13, 14, Int.max])
    func exhausted(attempt: Int) {
        var random = SeededGenerator.announced()
        #expect(RetrySchedule.delay(afterAttempt: attempt, using: &random) == nil)
        #expect(Disposition.after(Failure(.connect, ""), attempt: attempt, using: &random) == .failed)
    }

    @Test("what follows an attempt")
    func dispositions() {
        var random = SeededGenerator.announced()
        #expect(Disposition.after(nil, attempt: 1, using: &random) == .delivered)
        #expect(Disposition.after(Failure(.gone, "", retry: .never), attempt: 1, using: &random) == .failed)
        let limited = Failure(.toolError, "", retry: .limited(5))
        #expect(Disposition.after(limited, attempt: 5, using: &random) == .failed)
        guard case .retry = Disposition.after(limited, attempt: 4, using: &random) else {
            Issue.record("the fourth of five attempts is not the last")
            return
        }
        let uncounted = Failure(.shutdown, "", retry: .uncounted(after: .seconds(7)))
        #expect(Disposition.after(uncounted, attempt: 13, using: &random) == .giveBack(after: .seconds(7)))
        let paused = Failure(.rateLimited, "", pause: .seconds(1000))
        #expect(Disposition.after(paused, attempt: 1, using: &random) == .retry(after: .seconds(1000)))
    }

    @Test(
        "Retry-After as seconds and as a date",
        arguments: [
            ("0", 0), ("120", 120), (" 5\t", 5), ("86401", 86400), ("99999999999999999999", 86400),
            ("Fri, 31 Dec 1999 23:59:59 GMT", 0), ("Thu, 29 Jan 2026 12:02:00 GMT", 120),
            ("Sun, 29 Jan 2226 12:02:00 GMT", 86400), ("", nil), ("soon", nil), ("-5", nil), ("1.5", nil), ("+5", nil),
            ("Thu, 29 Xyz 2026 12:02:00 GMT", nil), ("Thu, 32 Jan 2026 12:02:00 GMT", nil),
            ("Thu, 29 Jan 2026 25:02:00 GMT", nil), ("Thu, 29 Jan 2026 12:02 GMT", nil),
            ("Thu, 29 Jan 2026 12:02:00 CET", nil), ("Thu, 29 Jan 99999999999 12:02:00 GMT", nil),
            ("Thu, 29 Jan 2026 12:02:00 GMT " + String(repeating: "x", count: 100), nil),
        ] as [(String, Int?)])
    func retryAfter(text: String, seconds: Int?) {
        #expect(RetryAfter.parse(text, now: 1_769_688_000) == seconds.map { .seconds($0) })
    }

    @Test(
        "what statuses of webhooks mean",
        arguments: [
            (200, [], nil, nil), (204, [], nil, nil), (299, [], nil, nil), (204, [200], .unexpectedStatus, nil),
            (418, [418], nil, nil), (200, [418], .unexpectedStatus, nil), (301, [], .redirect, nil),
            (302, [302], nil, nil), (400, [], .clientError, nil), (404, [], .clientError, nil),
            (402, [], .paymentRequired, nil), (408, [], .clientError, nil), (410, [], .gone, nil),
            (425, [], .clientError, nil), (429, [], .rateLimited, 60), (500, [], .serverError, nil),
            (503, [], .serverError, nil), (599, [], .serverError, nil), (100, [], .violation, nil),
            (999, [], .violation, nil),
        ] as [(Int, Set<Int>, ErrorClass?, Int?)])
    func statuses(status: Int, expected: Set<Int>, error: ErrorClass?, pause: Int?) {
        let failure = StatusVerdict.failure(of: OutboundResponse(status: status), expected: expected, now: 0)
        #expect(failure?.errorClass == error)
        #expect(failure?.pause == pause.map { .seconds($0) })
        let never: Set<ErrorClass> = [.gone, .paymentRequired]
        if let failure { #expect((failure.retry == .never) == never.contains(failure.errorClass)) }
    }

    @Test(
        "a receiver may say how long to leave it alone", arguments: [(429, "7", 7), (503, "90", 90), (503, "x", nil)])
    func pauses(status: Int, header: String, seconds: Int?) {
        let response = OutboundResponse(status: status, headers: ["retry-after": header])
        #expect(StatusVerdict.failure(of: response, expected: [], now: 0)?.pause == seconds.map { .seconds($0) })
    }

    @Test(
        "what exchanges without an answer mean",
        arguments: [
            (.invalidURL("x"), .never), (.blockedAddress("x"), .never), (.dns, .onSchedule), (.connect, .onSchedule),
            (.tls, .onSchedule), (.timedOutConnecting, .onSchedule), (.timedOut(after: .seconds(1)), .onSchedule),
            (.send, .onSchedule), (.receive, .onSchedule), (.protocolViolation, .onSchedule),
            (.headersTooLarge, .onSchedule), (.bodyTooLarge, .onSchedule), (.cancelled, .uncounted(after: .zero)),
            (.closed, .uncounted(after: .zero)),
        ] as [(TransportError, Failure.Retry)])
    func transport(error: TransportError, retry: Failure.Retry) {
        let failure = Failure(error)
        #expect(failure.retry == retry)
        #expect(failure.errorClass.rawValue == error.errorClass, "one word for one thing")
    }
}
