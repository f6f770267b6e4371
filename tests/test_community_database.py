def test_open(database):
    print(database.place, database.notes)


def test_open2(database):
    pass
