"""Messages in the manner of RFC 4475's torture tests, each made to the RFC's description of it.

``MESSAGES`` maps the RFC's label to what goes into one datagram. Sections: 3.1.1 valid but
unusual, 3.1.2 invalid, 3.2 a problem for the transaction layer, 3.3 for the application, 3.4 of
SIP's older version.
"""

SDP = (
    "v=0\r\no=torture 29739 7272939 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
    "m=audio 49217 RTP/AVP 0 12\r\nm=video 3227 RTP/AVP 31\r\na=rtpmap:31 LPC\r\n"
)
LONG = "long" * 40


def message(
    start, label, *own, body="", via="UDP host.example.com;branch=z9hG4bK-{label}", **other
):
    """A whole message around what is odd about it; ``None`` in ``other`` leaves a header out."""
    method = start.split(" ")[0]
    usual = {
        "Via": f"SIP/2.0/{via}".format(label=label),
        "To": "sip:user@example.com",
        "From": f"sip:caller@example.net;tag={label}",
        "Call-ID": f"{label}.0ha0isnd@example.net",
        "CSeq": f"8 {method}",
        "Max-Forwards": "70",
        "Contact": "<sip:caller@host5.example.net>",
    }
    usual |= {name.replace("_", "-"): value for name, value in other.items()}
    if body:
        usual = {"Content-Type": "application/sdp", "Content-Length": str(len(body))} | usual
    lines = [f"{name}: {value}" for name, value in usual.items() if value is not None]
    return "\r\n".join([start, *lines, *own, "", body]).encode()


def invite(label, *own, start="INVITE sip:user@example.com SIP/2.0", body=SDP, **other):
    return message(start, label, *own, body=body, **other)


def options(label, *own, start="OPTIONS sip:user@example.com SIP/2.0", **other):
    return message(start, label, *own, "l: 0", **other)


def register(label, *own, start="REGISTER sip:example.com SIP/2.0", **other):
    return message(start, label, *own, "l: 0", **other)


def answer(label, status, *own, **other):
    return message(f"SIP/2.0 {status}", label, *own, **{"CSeq": "35 INVITE"} | other)


VALID = {
    "wsinv": "\r\n".join(
        [
            "INVITE sip:user@example.com;unknownparam SIP/2.0",
            "TO :\r\n sip:user@example.com ;   tag    = 1918181833n",
            'from   : "J Caller \\\\\\""       <sip:caller@example.com>\r\n  ;\r\n  tag = 98asjd8',
            "MaX-fOrWaRdS: 0068",
            "Call-ID: wsinv.ndaksdj@192.0.2.1",
            f"Content-Length   : {len(SDP)}",
            "cseq: 0009\r\n  INVITE",
            "Via  : SIP  /   2.0\r\n /UDP\r\n    192.0.2.2;branch=390skdjuw",
            "s :",
            "NewHeader:   a value\r\n that goes on",
            "HeaderOfStrangeValue: ;;,,;;,;",
            "Content-Type: application/sdp",
            "Route:\r\n <sip:services.example.com;lr;unknownwith=value;unknown-no-value>",
            "v:  SIP  / 2.0  / TCP     spindle.example.com   ;\r\n  branch  =   z9hG4bK9ikj8  ,\r\n"
            " SIP  /    2.0   / UDP  192.168.255.111   ; branch=\r\n z9hG4bK30239",
            'm:"Quoted \\"\\"" <sip:caller@example.com> ; newparam =\r\n      newvalue ;\r\n'
            "  secondparam ; q = 0.33",
            "",
            SDP,
        ]
    ).encode(),
    "intmeth": message(
        "!interesting-Method0123456789_*+`.%indeed'~ sip:1_odd.URI~(to-be!sure)&isn't+it$/crazy?,"
        "/;;*:&it+has=1,weird!*pas$wo~d_too.(doesn't-it)@example.com SIP/2.0",
        "intmeth",
        "extensionHeader-!.%*+_`'~:\ufeff大停電",
        "Content-Length: 0",
        To='"BEL:\\\x07 NUL:\\\x00 DEL:\\\x7f" <sip:1_odd.URI~(to-be!sure)@example.com>',
        From="token1~` token2'+_ token3*%!.- <sip:plain@example.com>;fromParam''~+*_!.-%="
        '"работающий";tag=_token~1\'+`*%!-.',
        Call_ID="intmeth.word%ZK-!.*_+'@word`~)(><:\\/\"][?}{",
        via="UDP host1.example.com;branch=z9hG4bK-.!%66*_+`'~",
        Max_Forwards="255",
    ),
    "esc01": invite(
        "esc01",
        start="INVITE sip:sips%3Auser%40example.com@example.net SIP/2.0",
        To="sip:%75se%72@example.com",
        From="<sip:I%20have%20spaces@example.net>;tag=938",
        Contact="\r\n  <sip:cal%6Cer@host5.example.net;%6C%72;n%61me=v%61lue%25%34%31>",
    ),
    "escnull": register(
        "escnull",
        "Contact: <sip:%00%00@host5.example.com>",
        To="sip:null-%00-null@example.com",
        Contact="<sip:%00@host5.example.com>",
    ),
    "esc02": register(
        "esc02",
        "C%6Fntact: <sip:alias2@host2.example.com>",
        "Contact: <sip:alias3@host3.example.com>",
        start="RE%47IST%45R sip:registrar.example.com SIP/2.0",
        To='"%Z%45" <sip:resource@example.com>',
        via="UDP host.example.com;branch=z9hG4bK209%fzsnel234",
    ),
    "lwsdisp": options("lwsdisp", From="caller<sip:caller@example.com>;tag=323"),
    "longreq": invite(
        "longreq",
        f"Unknown-{LONG}-Name: unknown-{LONG}-value; unknown-{LONG} = unknown-{LONG}",
        *(f"v{' ' * (n % 3)}: SIP/2.0/TCP sip{n}.example.com" for n in range(33)),
        To=f'"A user name of {LONG}"<sip:user@example.com:6000;unknown={LONG};{LONG};{LONG}=x>',
        From=f"sip:{LONG}@example.net;tag={'12982' * 60};unknown{LONG}={LONG};{LONG}",
        Call_ID=f"longreq.{LONG}",
    ),
    "dblreq": register("dblreq", "", "INVITE sip:joe@example.com SIP/2.0", "CSeq: 8 INVITE", ""),
    "semiuri": options("semiuri", start="OPTIONS sip:user;par=u%40example.net@example.com SIP/2.0"),
    "transports": options(
        "transports",
        *(f"Via: SIP/2.0/{kind} t.example.com;branch=z9hG4bKk" for kind in ("SCTP", "TLS", "XYZ")),
    ),
    "mpart01": message(
        "MESSAGE sip:user@example.com SIP/2.0",
        "mpart01",
        body="--7a9c\r\nContent-Type: text/plain\r\n\r\nHello\r\n--7a9c\r\n"
        "Content-Type: application/octet-stream\r\n\r\n\x00\x01\x0d\x0a\x7f\x00\r\n--7a9c--\r\n",
        Content_Type="multipart/mixed;boundary=7a9c",
    ),
    "unreason": answer("unreason", "200 = 2**3 * 5**2 но сто девяносто девять - простое", body=SDP),
    "noreason": answer("noreason", "100 "),
}

INVALID = {
    "badinv01": invite(
        "badinv01", via="UDP 192.0.2.15;;,;,,", Contact='"Joe" <sip:joe@example.org>;;;;'
    ),
    "clerr": invite("clerr", Content_Length="9999"),
    "ncl": invite("ncl", Content_Length="-999"),
    "scalar02": register(
        "scalar02",
        CSeq="36893488147419103232 REGISTER",
        Max_Forwards="300",
        Expires="1" + "0" * 100,
        Contact="<sip:user@host129.example.com>\r\n  ;expires=280297596632815",
    ),
    "scalarlg": answer(
        "scalarlg",
        "503 Service Unavailable",
        'Warning: 1812 overture "In Progress"',
        CSeq="9292394834772304023312 OPTIONS",
        Retry_After="949302838503028349304023988",
    ),
    "quotbal": invite("quotbal", To='"Mr. J. User <sip:j.user@example.com>'),
    "ltgtruri": invite("ltgtruri", start="INVITE <sip:user@example.com> SIP/2.0"),
    "lwsruri": invite("lwsruri", start="INVITE sip:user@example.com; lr SIP/2.0"),
    "lwsstart": invite("lwsstart", start="INVITE  sip:user@example.com  SIP/2.0"),
    "trws": options("trws", start="OPTIONS sip:remote-target@example.com SIP/2.0  "),
    "escruri": invite("escruri", start="INVITE sip:user@example.com?Route=%3Csip:e.com%3E SIP/2.0"),
    "baddate": invite("baddate", Date="Fri, 01 Jan 2010 16:00:00 EST"),
    "regbadct": register(
        "regbadct", Contact="sip:user@example.com?Route=%3Csip:sip.example.com%3E"
    ),
    "badaspec": options("badaspec", To='"Watson, Thomas" < sip:t.watson@example.org >'),
    "baddn": options("baddn", From="Bell, Alexander <sip:a.g.bell@example.com>;tag=43"),
    "badvers": options("badvers", start="OPTIONS sip:t.watson@example.org SIP/7.0"),
    "mismatch01": options("mismatch01", CSeq="8 INVITE"),
    "mismatch02": invite("mismatch02", start="NEWMETHOD sip:user@example.com SIP/2.0"),
    "bigcode": answer("bigcode", "4294967301 better not break the receiver"),
}

TRANSACTION = {"badbranch": options("badbranch", via="UDP 192.0.2.1;branch=z9hG4bK")}

APPLICATION = {
    "insuf": invite("insuf", To=None, From=None, Call_ID=None, Contact=None),
    "unkscm": options("unkscm", start="OPTIONS nobodyKnowsThisScheme:opaquecontent SIP/2.0"),
    "novelsc": options("novelsc", start="OPTIONS soap.beep://192.0.2.103:3002 SIP/2.0"),
    "unksm2": register("unksm2", To="isbn:2983792873", From="<http://www.example.com>;tag=3"),
    "bext01": options("bext01", Require="nothingSupportsThis", Proxy_Require="norThis, orThat"),
    "invut": invite("invut", Content_Type="application/unknownformat"),
    "regaut01": register("regaut01", Authorization="NoOneKnowsThisScheme opaque-data=here"),
    "multi01": invite(
        "multi01",
        "CSeq: 59 INVITE",
        "Call-ID: multi01.another@192.0.2.2",
        "To: sip:other@example.net",
        "From: sip:caller@example.net;tag=2923420123",
        "Max-Forwards: 5",
    ),
    "mcl01": options("mcl01", "Content-Length: 13", "Content-Length: 5", "", "Thirteen or five?"),
    "bcast": answer(
        "bcast", "200 OK", "Via: SIP/2.0/UDP 255.255.255.255;branch=z9hG4bK1saber23", body=SDP
    ),
    "zeromf": options("zeromf", Max_Forwards="0"),
    "cparam01": register("cparam01", Contact="sip:+19725552222@gw1.example.net;unknownparam"),
    "cparam02": register("cparam02", Contact="<sip:+19725552222@gw1.example.net;unknownparam>"),
    "regescrt": register("regescrt", Contact="<sip:user@example.com?Route=%3Csip:e.com%3E>"),
    "sdp01": invite("sdp01", Accept="text/nobodyKnowsThis"),
}

OLD = {
    "inv2543": invite(
        "inv2543",
        "Record-Route: <sip:UserB@example.com;maddr=ss1.example.com>",
        From="<sip:+13035551111@ift.client.example.net;user=phone>",
        via="UDP iftgw.example.com",
        Max_Forwards=None,
        Contact=None,
    )
}

MESSAGES = VALID | INVALID | TRANSACTION | APPLICATION | OLD
