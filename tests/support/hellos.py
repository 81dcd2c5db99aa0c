"""ClientHellos made by hand, and one of Chromium's."""

from collections.abc import Iterator

SNI, ALPN, VERSIONS = 0, 16, 43
GREASE = 0x2A2A


def vector(width: int, content: bytes) -> bytes:
    """Its length in `width` bytes, then the content."""
    return len(content).to_bytes(width) + content


def extension(kind: int, content: bytes) -> bytes:
    return kind.to_bytes(2) + vector(2, content)


def names(*pairs: tuple[int, bytes]) -> bytes:
    """A list of names, each with its type."""
    return vector(2, b"".join(bytes((kind,)) + vector(2, name) for kind, name in pairs))


def sni(name: bytes) -> bytes:
    return extension(SNI, names((0, name)))


def alpn(*protocols: bytes) -> bytes:
    return extension(ALPN, vector(2, b"".join(vector(1, name) for name in protocols)))


def versions(*numbers: int) -> bytes:
    return extension(VERSIONS, vector(1, b"".join(number.to_bytes(2) for number in numbers)))


def body(
    extensions: bytes | None,
    session: bytes = bytes(32),
    ciphers: bytes = b"\x2a\x2a\x13\x01",
    compressions: bytes = b"\0",
    total: int = 0,
) -> bytes:
    """A hello's body, padded (RFC 7685) to `total` bytes."""
    lists = vector(1, session) + vector(2, ciphers) + vector(1, compressions)
    start = b"\x03\x03" + bytes(range(32)) + lists
    if extensions is None:
        return start
    missing = total - len(start) - 2 - len(extensions) - 4
    padding = extension(21, bytes(missing)) if total else b""
    return start + vector(2, extensions + padding)


def message(content: bytes) -> bytes:
    """As a message of the handshake."""
    return b"\x01" + vector(3, content)


def record(content: bytes) -> bytes:
    return b"\x16\x03\x01" + vector(2, content)


def records(content: bytes, *sizes: int) -> bytes:
    """Cut into records of these sizes, the rest in a last one."""
    return b"".join(record(piece) for piece in _cut(content, sizes))


def _cut(content: bytes, sizes: tuple[int, ...]) -> Iterator[bytes]:
    for size in sizes:
        if len(content) > size:
            yield content[:size]
            content = content[size:]
    yield content


# Chromium 156 on its way to https://photos.home.arpa/.
CHROMIUM = bytes.fromhex(
    """
    160301077f0100077b030379d01a0fe5439083cb96f47b887fc64e1dc6ccc789e52dbc0890e0b84ab27ee020fc1e
    5cff53636593c4d466687f421844eab7b71aa95ad8f1916dcaa47ad3baf80020baba130113021303c02bc02fc02c
    c030cca9cca8c013c014009c009d002f003501000712aaaa0000000a000c000aaaaa11ec001d0017001800170000
    00120000002d00020101003304ef04edaaaa00010011ec04c097447818b328904ccdccb3ab08c2b3491554b0da5a
    896787db100327e84ad947674d55ac8bf0b5a198895eda7c28b817077c0fcf3084d6cb72b4a2a385060aeefcb4f0
    c8662a1c13334b0b7db15dfdd1227aa12378e1a55f87c7907c1849e7c7acf12424c345850625aaa87d3c18b3d4c1
    6833a4b24a4a799b692763f9053db1714a52b81941a96c1712a2d2c3521a894e982e4a21361650c9a8e35db24c9a
    1c0b0257c16830d848d5b3309a3c105998573f8a45f226b106765cfc6736ca87ad430444c18a4734b700a0d62fef
    b6122edb267e2590dc7169dd8426bd36a839a9b134b34512894befe585f9eb7ae661c41d6982ef36b31ff14c6aca
    75141b8bffbb501d5c5ae0e34ed8fa786e2541495cc0e3d4a5dc9a21bbec0f54fb562751a04b085e88f3c7e09806
    78fc97e6d260804ba9a17c291ef39939d990b9b85a4d894731229be9bc0e0b1078667149ecec0865fc3c103c1fcd
    a27f600278aaf41a727764d2a24eb3dbc61c523ba0b23222ab75c75750d078819aa964f3e81cbb4b676f549d6718
    999de34e29d530fccca9660114c0985e0543991ccb78fc40491ea8a4a95824a4a981525117d9a6927349288915a1
    00d83290c82a5d23c6795a6ee3d490d6213ee1cb3f5c78621c629fba9549c542ae04e60970439d2a68ccf927be72
    37af4e80aa5a506d184c915dd68eae923c0d25b106e97c0c52bc494702831a8567d60d8e33cd43894d60da877c54
    911ea39360a69f5355ce2098b20d586715b869a5267946b12c8cfbcbb2d28dae6070d1b13205f4927e0162adc211
    ad0000a423c610b78ab823af7d9a3d89b2b20c8a7bfa7365f68bae9e8a588cf39ff07c5b79ebbd5f3b5929827f58
    e268d782262356ce3d09b8a69c3cd069af615277a3688e4b0596fef7a5cb9351c1659c989a1a438a4378e329b66b
    cb8254bb26b028ef2580d5881d6f4c7e77e53a73966aae753983d04d13943b3be84ced345a00105e896319f41629
    1d0630ceb750749bca9002911445771d489a2e522ee711ba7549b6490bc7d51bca2d13114e753ee96c150c300cf9
    cb67ad80af37a0533635400e9b647148106b06768d663e2ea7cb74fbbe81920c04f905a9b2236dc77f1455c2f785
    0c4434c59b659ad7e9c6d043adf5f56f2416897390a661203a8347b810428f6226376fc27e0517083940655e65bc
    fec8540a7b3837ca1e7dd04c361730ff21524b6897d3f36269c23a75d6334fab728a5bbcb004a1647933f91712e5
    4115ef44aece83c8ec66138fb52c8ef03965a3b60a924df6b0226bf16a4ad1a518b4abb936637591abf856ac2c55
    ae843a0a8d062d9635a1c5c728ef7893de57c4b7930a6b6aa30e429a82d663301b5bfbc39fe4bb93f7f8bcf478b5
    7895144f693f4c3c76a3f62a0d4799ae74bb70d381406a6bb4ea4fb97c18458b978802b26cc78f8c5acbd39495ec
    c1331e18680f63cc5c7ccef185b7ba5814cc679f09aa9e782a00fc9b05f4e52a0649c346c1b5d62c2984634ef34c
    5b9a813ca467448359abfcdc360a938e71e687976121ce072be7b68f95d69b8c75891d3008da5a34f7154d4db29e
    99139d0498cc11f006aba529bbf91035367e559cac7df1bffb9a18decc31ca670ea3bd7ee12104122818542e51d3
    fd19da7d11042852f4f6f5cca8521220e6f89e3d8d8183eb89a83417ea5d1bcb305ecfac4d85ed34fe2594933500
    1d0020f78bd3789fb315d2dca917546cd2bc5699709c2b8a263dd904807f20b49b432a000500050100000000000b
    0002010044cd0005000302683200000015001300001070686f746f732e686f6d652e61727061ca3400ba00b80582
    df1302010582df1302060582df13020d0582df13020e0582df13020f0582df1302120582df1302130582df130214
    08839a648c9b2d010708839a648c9b2d010808839a648c9b2d010908839a648c9b2d010a08839a648c9b2d010b08
    839a648c9b2d010c08839a648c9b2d010d08839a648c9b2d011208839a648c9b2d011304d679090104d679090404
    d679090504d679090604d679090704d679090804d679090a04d679090b04d679090c04d679090d04d679090ffe0d
    00ba0000010001c3002052a22fd939baa808049b0fc377aebc486c51e9eaeea2333bbeb17a627ec9887400901267
    345fab3cefa38e7411617cc32b5b01281347c311465fb37fb148d6b1cdbc36a7121271bae4fe89ec52f4ee11e71d
    ea8221d62642ee8f499dabfae6c073b34356317df135915f5131695be1c01abf421907021b763226eb9bf8d1d7b9
    4c49b64792303e4c898ce912e2628f6746cfdadd9eaee5d47e4359b01559c062bb88997f3d48473f97f559ce3841
    206532e7002b0007060a0a03040303000d001a0018dada0904090509060403080404010503080505010806060100
    230000ff01000100001b00030200020010000e000c02683208687474702f312e31baba000100
"""
)
