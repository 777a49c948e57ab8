"""A window with the camera and its predictions. OpenCV's headless wheel has none, Python's tkinter does."""

from dataclasses import replace

from ferlib.inference import draw_predictions, follow_faces

NO_WINDOW = "no window can be opened here ({reason}): use notebook 05, or `ferlib predict` on a file"
RATE = 30


def show_camera(number, predictor):
    """Show a camera, numbered from 0, with its predictions, mirrored, until the window is closed or q pressed.

    Raises
    ------
    RuntimeError
        If no window can be opened.
    PhotoError
        If the camera cannot be opened.
    """
    try:
        import tkinter

        from PIL import Image, ImageTk

        window = tkinter.Tk()
    except Exception as error:  # no tkinter in this Python, or TclError: no display
        raise RuntimeError(NO_WINDOW.format(reason=error)) from error
    closed = []
    window.title("ferlib camera: q closes")
    window.protocol("WM_DELETE_WINDOW", lambda: closed.append(True))
    window.bind("q", lambda event: closed.append(True))
    label = tkinter.Label(window)
    label.pack()
    try:
        for _, frame, persons in follow_faces(number, predictor, rate=RATE):
            drawn = draw_predictions(
                frame[:, ::-1],
                [_mirror(face, frame.shape[1]) for _, face in persons],
                numbers=[number for number, _ in persons],
            )
            picture = ImageTk.PhotoImage(Image.fromarray(drawn), master=window)
            label.configure(image=picture)
            window.update()
            if closed:
                break
    finally:
        window.destroy()


def _mirror(face, width):
    x, y, face_width, height = face.box
    return replace(face, box=(width - x - face_width, y, face_width, height))
